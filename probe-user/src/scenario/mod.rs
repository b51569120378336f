//! Scenarios: steps, expectations, and the runner that goes through them.
