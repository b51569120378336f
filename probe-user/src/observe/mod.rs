//! Observers: each watches one thing from one place and emits events when it changes.
