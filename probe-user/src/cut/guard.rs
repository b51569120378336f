//! A cut that ends with its owner.

use super::{Cut, CutError, CutStatus, revert};

/// Holds a cut and reverts it when dropped, whatever the reason.
#[must_use = "a dropped guard reverts its cut at once"]
#[derive(Debug)]
pub struct Guard {
    cut: Option<Cut>,
}

impl Guard {
    /// Takes charge of a cut.
    pub fn new(cut: Cut) -> Self {
        Self { cut: Some(cut) }
    }

    /// The cut, while it is held.
    pub fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    /// Reverts now, and says what the counters were at the end.
    pub fn revert(mut self) -> Result<Vec<CutStatus>, CutError> {
        match self.cut.take() {
            Some(cut) => revert(&cut.id),
            None => Ok(Vec::new()),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(cut) = self.cut.take()
            && let Err(error) = revert(&cut.id)
        {
            tracing::error!(cut = %cut.id, %error, "a cut could not be reverted; its lease ends it");
        }
    }
}
