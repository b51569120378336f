//! What can enforce a plan, and how.
