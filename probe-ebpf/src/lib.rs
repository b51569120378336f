//! The datapath's plain code: no kernel, no allocation, tested on the host.
#![no_std]
