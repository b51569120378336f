//! What an action leaves behind, and how the end of a run puts it back.

use std::sync::{Mutex, PoisonError};

/// What came of putting something back: in words, `None` where nothing was left to be done, or why it failed.
pub type Undone = Result<Option<String>, String>;

/// Puts back what one action left behind.
pub struct Undo(Box<dyn FnOnce() -> Undone + Send>);

/// What the actions of a run left behind. Dropping it puts all of that back, the last first.
#[derive(Default)]
pub struct UntilEnd(Mutex<Vec<Undo>>);

impl Undo {
    /// To be done at the end of the run.
    pub fn new(undo: impl FnOnce() -> Undone + Send + 'static) -> Self {
        Self(Box::new(undo))
    }
}

impl UntilEnd {
    /// One more thing to put back.
    pub fn push(&self, undo: Undo) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(undo);
    }

    /// Puts everything back; what was done, and what failed.
    pub fn undo(&self) -> (Vec<String>, Vec<String>) {
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        loop {
            let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(Undo(undo)) = last else { return (done, failed) };
            match undo() {
                Ok(words) => done.extend(words),
                Err(why) => failed.push(why),
            }
        }
    }
}

impl Drop for UntilEnd {
    fn drop(&mut self) {
        for why in self.undo().1 {
            tracing::error!(%why, "an action of the scenario cannot be undone");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_last_is_put_back_first_and_once() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let until_end = UntilEnd::default();
        for (name, result) in
            [("one", Ok(Some("one".to_owned()))), ("two", Ok(None)), ("three", Err("no".to_owned()))]
        {
            let order = Arc::clone(&order);
            until_end.push(Undo::new(move || {
                order.lock().expect("no panic").push(name);
                result
            }));
        }
        assert_eq!(until_end.undo(), (vec!["one".to_owned()], vec!["no".to_owned()]));
        drop(until_end);
        assert_eq!(*order.lock().expect("no panic"), ["three", "two", "one"]);
    }
}
