//! What the programs log through aya-log, for debugging.

use std::fmt;

use aya_log::EbpfLogger;

use super::{DatapathError, Pins, object};

/// Hands the programs' log lines to the `log` crate, and so to tracing.
pub struct DatapathLog {
    logger: EbpfLogger<&'static dyn log::Log>,
}

impl DatapathLog {
    /// The log of programs that were loaded with `NETSPLIT_DATAPATH_LOG` set; `None` of others.
    pub(super) fn open(pins: &Pins) -> Result<Option<Self>, DatapathError> {
        if !pins.path(object::LOGS).exists() {
            return Ok(None);
        }
        let mut programs = object::program_names().into_iter().map(|name| object::program_id(pins, name));
        let Some(program) = programs.find_map(Result::transpose).transpose()? else {
            return Ok(None);
        };
        match EbpfLogger::init_from_id(program) {
            Ok(logger) => Ok(Some(Self { logger })),
            Err(error) => {
                tracing::warn!(%error, "the datapath's log cannot be read");
                Ok(None)
            }
        }
    }

    /// Hands over every line that waits.
    pub fn flush(&mut self) {
        self.logger.flush();
    }
}

impl fmt::Debug for DatapathLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatapathLog").finish_non_exhaustive()
    }
}
