//! The time axis: where its ticks are. The script does the same for what is zoomed in to.

/// Pixels between two ticks, at least.
const ROOM: f64 = 84.0;

/// The places of a picture on the axis of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    /// Where it begins and ends, in pixels.
    pub(super) left: f64,
    pub(super) right: f64,
}

impl Axis {
    /// Where a moment is; one that lies outside is at the edge.
    pub(super) fn x(self, at_s: f64) -> f64 {
        let share = (at_s - self.from_s) / (self.to_s - self.from_s);
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }

    /// The seconds between two ticks: 1, 2 or 5 times a power of ten.
    pub(super) fn step_s(self) -> f64 {
        let least = (self.to_s - self.from_s) * ROOM / (self.right - self.left);
        let power = 10_f64.powf(least.log10().floor());
        [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * power)
            .into_iter()
            .find(|step| *step >= least)
            .unwrap_or(least)
    }

    /// The moments of the ticks.
    pub(super) fn ticks(self) -> Vec<f64> {
        let step = self.step_s();
        let mut ticks = Vec::new();
        let mut number = (self.from_s / step).ceil();
        while number * step <= self.to_s {
            ticks.push(number * step);
            number += 1.0;
        }
        ticks
    }

    /// What stands at a tick.
    pub(super) fn label(self, at_s: f64) -> String {
        let step = self.step_s();
        let decimals = if step >= 1.0 {
            0
        } else if step >= 0.1 {
            1
        } else {
            2
        };
        if at_s.abs() < step / 2.0 { "0 s".to_owned() } else { format!("{at_s:+.decimals$} s") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_have_room() {
        for (from_s, to_s, expected) in [
            (-2.2, 70.3, "0 s +10 s +20 s +30 s +40 s +50 s +60 s +70 s"),
            (-60.0, 600.0, "0 s +100 s +200 s +300 s +400 s +500 s +600 s"),
            (
                -0.1,
                0.4,
                "-0.10 s -0.05 s 0 s +0.05 s +0.10 s +0.15 s +0.20 s +0.25 s +0.30 s +0.35 s +0.40 s",
            ),
            (20.0, 21.5, "+20.0 s +20.2 s +20.4 s +20.6 s +20.8 s +21.0 s +21.2 s +21.4 s"),
        ] {
            let axis = Axis { from_s, to_s, left: 140.0, right: 1090.0 };
            let labels: Vec<_> = axis.ticks().into_iter().map(|at_s| axis.label(at_s)).collect();
            assert_eq!(labels.join(" "), expected, "{from_s} to {to_s}");
            let places: Vec<_> = axis.ticks().into_iter().map(|at_s| axis.x(at_s)).collect();
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= ROOM - 1e-6), "{places:?}");
        }
    }
}
