//! Reports: the same run for a terminal, a reader and a machine.
