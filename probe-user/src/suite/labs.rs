//! The labs that a suite runs on.

use std::{ops::ControlFlow, path::Path, time::Duration};

use super::{Place, Stage};
use crate::{
    cluster::Inventory,
    lab::{EtcdMembers, Healed, Lab, LabError, LabName, Options},
    report::RunResult,
    scenario::{self, Failure, Kernel, LabNeeds, Prepared, Progress, RunError},
};

/// A cluster that stands, or a lab that will be made; and labs beside it where scenarios ask for what it is not.
///
/// What was made is removed when this is dropped.
pub struct Labs<'s> {
    main: Main,
    side: Option<Lab>,
    stop: &'s (dyn Fn() -> bool + Sync),
    /// The kernel that scenarios run on, with the backend of their cuts.
    pub kernel: Kernel,
}

enum Main {
    /// Somebody else's cluster.
    Foreign(Inventory),
    /// A lab that was up before, or will be made for this run alone.
    Lab { lab: Option<Lab>, options: Options, ours: bool },
}

impl<'s> Labs<'s> {
    /// A cluster that is there: a lab, if it is one of netsplit's that is up.
    pub fn on(inventory: Inventory, stop: &'s (dyn Fn() -> bool + Sync)) -> Self {
        let name = inventory.lab.as_ref().and_then(|facts| facts.name.parse().ok());
        // Anyone may write a [lab] table: it is a lab only if it is the very one that is up.
        let lab = name.and_then(|name: LabName| Lab::open(&name).ok());
        let main = match lab.filter(|lab| lab.inventory().nodes == inventory.nodes) {
            Some(lab) => {
                let options = lab.options();
                Main::Lab { lab: Some(lab), options, ours: false }
            }
            None => Main::Foreign(inventory),
        };
        Self { main, side: None, stop, kernel: Kernel::default() }
    }

    /// A lab that [`Labs::make_main`] makes, and that is gone at the end.
    pub fn of(options: Options, stop: &'s (dyn Fn() -> bool + Sync)) -> Self {
        let main = Main::Lab { lab: None, options, ours: true };
        Self { main, side: None, stop, kernel: Kernel::default() }
    }

    /// Makes the main lab, anew if there is one; a cluster that is no lab stays as it is.
    pub fn make_main(&mut self) -> Result<(), LabError> {
        let Main::Lab { lab, options, .. } = &mut self.main else { return Ok(()) };
        let stop = self.stop;
        *lab = Some(match lab.take() {
            Some(old) => old.rebuild(&mut |_| heed(stop))?,
            None => up(options, stop)?,
        });
        Ok(())
    }

    /// Removes every lab that was made for this run.
    pub fn clear(&mut self) -> Result<(), LabError> {
        let side = self.side.take().map_or(Ok(()), Lab::down);
        if let Main::Lab { lab, ours: true, .. } = &mut self.main
            && let Some(lab) = lab.take()
        {
            lab.down()?;
        }
        side
    }

    fn lab(&self, place: Place) -> Option<&Lab> {
        match (place, &self.main) {
            (Place::Main, Main::Lab { lab, .. }) => lab.as_ref(),
            (Place::Main, Main::Foreign(_)) => None,
            (Place::Side, _) => self.side.as_ref(),
        }
    }

    fn side_options(&self, needs: &LabNeeds) -> Option<Options> {
        let Main::Lab { options, .. } = &self.main else { return None };
        Some(like(options, needs))
    }
}

impl Drop for Labs<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            tracing::error!(%error, "a lab that was made for this run could not be removed");
        }
    }
}

impl Stage for Labs<'_> {
    fn inventory(&self, place: Place) -> Option<&Inventory> {
        match (place, &self.main) {
            (Place::Main, Main::Foreign(inventory)) => Some(inventory),
            _ => self.lab(place).map(Lab::inventory),
        }
    }

    fn is_lab(&self) -> bool {
        matches!(self.main, Main::Lab { .. })
    }

    fn is_ours(&self) -> bool {
        matches!(self.main, Main::Lab { ours: true, .. })
    }

    fn name(&self, place: Place, needs: &LabNeeds) -> String {
        match (place, &self.main) {
            (Place::Main, Main::Foreign(inventory)) => inventory.scope.clone(),
            (Place::Main, Main::Lab { options, .. }) => options.name.to_string(),
            (Place::Side, _) => {
                self.side_options(needs).map(|options| options.name.to_string()).unwrap_or_default()
            }
        }
    }

    fn make(&mut self, place: Place, needs: &LabNeeds) -> Result<(), Failure> {
        match place {
            Place::Main => self.make_main().map_err(with_help),
            Place::Side => {
                self.remove_side()?;
                let options =
                    self.side_options(needs).ok_or("only labs can have a second one beside them")?;
                self.side = Some(up(&options, self.stop).map_err(with_help)?);
                Ok(())
            }
        }
    }

    fn remove_side(&mut self) -> Result<(), Failure> {
        self.side.take().map_or(Ok(()), Lab::down).map_err(with_help)
    }

    fn clear(&mut self) -> Result<(), Failure> {
        Labs::clear(self).map_err(with_help)
    }

    fn heal(&mut self, place: Place, patience: Duration) -> Result<Healed, Failure> {
        let lab = self.lab(place).ok_or("only labs can be mended")?;
        Ok(lab.heal(patience, self.stop)?)
    }

    fn run(
        &mut self,
        place: Place,
        prepared: &Prepared,
        directory: &Path,
        progress: &mut dyn Progress,
    ) -> Result<RunResult, RunError> {
        let inventory = self.inventory(place).unwrap_or_else(|| unreachable!("a run has a cluster"));
        scenario::run(prepared, inventory, directory, &self.kernel, self.stop, progress)
            .map(|(result, _)| result)
    }
}

fn up(options: &Options, stop: &(dyn Fn() -> bool + Sync)) -> Result<Lab, LabError> {
    Lab::up(options, &mut |_| heed(stop))
}

fn heed(stop: &(dyn Fn() -> bool + Sync)) -> ControlFlow<()> {
    if stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// An error that takes its way out along, for places that have one line.
fn with_help(error: LabError) -> Failure {
    match error.help() {
        Some(help) => format!("{}; {help}", crate::causes::in_a_line(&error)).into(),
        None => error.into(),
    }
}

/// A lab like this one, but for what is asked; its name says what differs.
pub(crate) fn like(options: &Options, needs: &LabNeeds) -> Options {
    let mut like = options.clone();
    let mut short = Vec::new();
    if let Some(local) = needs.local {
        like.local = local;
        short.push(format!("{local:?}").to_lowercase());
    }
    if let Some(patroni) = &needs.patroni {
        like.patroni.clone_from(patroni);
        short.push(patroni.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), ""));
    }
    if let Some(members) = needs.etcd_members {
        like.etcd = if members == 3 { EtcdMembers::Three } else { EtcdMembers::One };
        short.push(format!("etcd{members}"));
    }
    for (letter, wanted, is) in [
        ("t", needs.ttl, &mut like.timings.ttl),
        ("l", needs.loop_wait, &mut like.timings.loop_wait),
        ("r", needs.retry_timeout, &mut like.timings.retry_timeout),
    ] {
        if let Some(wanted) = wanted {
            *is = wanted;
            short.push(format!("{letter}{wanted}"));
        }
    }
    like.name = options.name.with(&short.join("-"));
    like
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::LocalConnection;

    #[test]
    fn a_lab_at_the_side_is_like_the_main_one_but_for_what_is_asked() {
        let main = |name: &str| Options {
            name: name.parse().expect("a good name"),
            timings: Options::FAST_TIMINGS,
            ..Options::default()
        };
        let socket = LabNeeds { local: Some(LocalConnection::Socket), ..LabNeeds::default() };
        let side = like(&main("default"), &socket);
        assert_eq!((side.name.as_str(), side.local), ("default-socket", LocalConnection::Socket));
        assert_eq!((side.timings, side.patroni.as_str()), (Options::FAST_TIMINGS, Options::PATRONI));

        let old = LabNeeds { patroni: Some("3.0.2".to_owned()), ttl: Some(30), ..LabNeeds::default() };
        let side = like(&main("two"), &old);
        assert_eq!(
            (side.name.as_str(), side.patroni.as_str(), side.timings.ttl),
            ("two-302-t30", "3.0.2", 30)
        );
    }
}
