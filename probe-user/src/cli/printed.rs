//! What verbs print with `--format json`, for their schemas. A run's and a suite's result are files, too.

use crate::{
    lab::LabStatus,
    policy::PrintedPlan,
    schema::{Document, printed, written},
    suite::Outline,
};

/// One for each that is not a file, too.
pub(crate) fn printed_documents() -> [Document; 9] {
    [
        printed("check", "What netsplit check prints", written::<super::check::Verdicts>),
        printed("plan", "What netsplit apply --dry-run prints", written::<PrintedPlan<'_>>),
        printed("apply", "What netsplit apply prints", written::<super::apply::Applied<'_>>),
        printed("explain", "What netsplit explain prints", written::<super::explain::Explained<'_>>),
        printed("status", "What netsplit status prints", written::<super::status::Status<'_>>),
        printed("watch", "A line that netsplit watch prints", written::<super::watch::lines::Told<'_>>),
        printed("run-list", "What netsplit run --list prints", written::<Outline>),
        printed("lab-status", "What netsplit lab status prints", written::<LabStatus>),
        printed("doctor", "What netsplit doctor prints", written::<super::doctor::Report<'_>>),
    ]
}
