//! Which hook enforces a rule.
//!
//! `auto` drops arriving packets by XDP, before the stack has spent anything on them, and leaves the rest to
//! TC: departures, which XDP does not see; answers, since a native XDP driver can count an answer as sent that
//! never arrives (veth does, unless the other end runs a native XDP program too); rules that are narrowed, since
//! only TC knows the segments that an `skb` stands for, and since what was put to the test once must not be again;
//! and what XDP cannot do. An interface that carries somebody else's XDP program is left alone: TC there. nft enforces
//! what `auto` cannot give to either, on a host where no eBPF program can be loaded at all.

use std::{collections::BTreeSet, fmt};

use clap::ValueEnum;
use probe_ebpf::abi::Hook;

use super::{
    Backend, Capabilities, Enforcer, Interface, Refusal, XdpMode, XdpState, datapath::Ebpf, nft::Nft,
};
use crate::policy::{Action, Direction, PlannedRule};

/// The operator's choice of backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// XDP where it is faithful, TC elsewhere; nft where no eBPF program can be loaded.
    #[default]
    Auto,
    /// XDP: the earliest hook; sees only packets that arrive.
    Xdp,
    /// TC: TCX where the kernel has it, a clsact qdisc where it has not.
    Tc,
    /// nft: netfilter's own tables, where eBPF cannot be loaded.
    Nft,
}

impl Choice {
    /// Who enforces a cut of this choice.
    pub fn enforcer(self) -> &'static dyn Enforcer {
        match self {
            Self::Nft => &Nft,
            Self::Auto if self.why_nft().is_some() => &Nft,
            Self::Xdp | Self::Tc | Self::Auto => &Ebpf,
        }
    }

    /// Why `auto` leaves a cut to nft here; nothing where it does not, or where nothing was left to it.
    pub fn why_nft(self) -> Option<String> {
        if self == Self::Auto { Ebpf.missing() } else { None }
    }
}

/// Which program sits on which interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// XDP, native where the driver can, generic elsewhere.
    Xdp,
    /// XDP in generic mode whatever the driver can: its answers surely arrive.
    XdpGeneric,
    /// TC on arriving packets.
    TcIngress,
    /// TC on leaving packets.
    TcEgress,
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xdp => "xdp",
            Self::XdpGeneric => "xdp in generic mode",
            Self::TcIngress => "tc ingress",
            Self::TcEgress => "tc egress",
        })
    }
}

/// How one rule is enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enforcement {
    /// Who enforces it on arriving packets.
    pub ingress: Hook,
    /// The interfaces that it needs, and what has to sit there.
    pub attachments: BTreeSet<(u32, Attachment)>,
}

/// Chooses the hook of a rule on the interfaces that it names.
pub fn choose(choice: Choice, rule: &PlannedRule, interfaces: &[&Interface]) -> Result<Enforcement, Refusal> {
    let ingress = match choice {
        // What nft is asked for never comes here.
        Choice::Tc | Choice::Nft => Hook::Tc,
        Choice::Xdp => {
            Capabilities::of(Backend::Xdp).check(rule)?;
            for interface in interfaces {
                check_xdp(rule, interface)?;
            }
            Hook::Xdp
        }
        Choice::Auto => {
            let faithful = rule.action == Action::Drop
                && rule.narrowing.is_open()
                && interfaces.iter().all(|interface| !matches!(interface.xdp, XdpState::Foreign { .. }));
            if faithful { Hook::Xdp } else { Hook::Tc }
        }
    };
    let arriving = match ingress {
        Hook::Tc => Attachment::TcIngress,
        Hook::Xdp if rule.action == Action::Drop => Attachment::Xdp,
        Hook::Xdp => Attachment::XdpGeneric,
    };
    let attachments = interfaces
        .iter()
        .flat_map(|interface| {
            let arrives = (rule.direction != Direction::Out).then_some(arriving);
            let leaves = (rule.direction != Direction::In).then_some(Attachment::TcEgress);
            arrives.into_iter().chain(leaves).map(|attachment| (interface.index, attachment))
        })
        .collect();
    Ok(Enforcement { ingress, attachments })
}

fn check_xdp(rule: &PlannedRule, interface: &Interface) -> Result<(), Refusal> {
    let refuse = |why: String| Refusal {
        rule: rule.origin + 1,
        backend: "xdp",
        why,
        way_out: "use `--backend tc`, which lives beside it",
    };
    match interface.xdp {
        XdpState::Foreign { program } => Err(refuse(format!(
            "interface {} carries an XDP program that is not netsplit's (id {program}), and it stays",
            interface.name
        ))),
        XdpState::Ours(XdpMode::Native) if rule.action != Action::Drop => Err(refuse(format!(
            "interface {} runs XDP in native mode for another cut, where an answer may not arrive",
            interface.name
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(direction: Direction, action: Action) -> PlannedRule {
        PlannedRule { direction, action, ports: Vec::new(), loopback: false, ..PlannedRule::sample() }
    }

    fn interface(xdp: XdpState) -> Interface {
        Interface { name: "eth0".into(), index: 7, up: true, kind: Some("veth".into()), xdp }
    }

    #[test]
    fn auto_drops_by_xdp_and_answers_by_tc() {
        use Attachment::{TcEgress, TcIngress, Xdp};
        let eth0 = interface(XdpState::Free);
        for (direction, action, hook, attachments) in [
            (Direction::In, Action::Drop, Hook::Xdp, vec![Xdp]),
            (Direction::In, Action::Reject, Hook::Tc, vec![TcIngress]),
            (Direction::In, Action::Reset, Hook::Tc, vec![TcIngress]),
            (Direction::Out, Action::Reset, Hook::Tc, vec![TcEgress]),
            (Direction::Both, Action::Drop, Hook::Xdp, vec![Xdp, TcEgress]),
            (Direction::Both, Action::Reset, Hook::Tc, vec![TcIngress, TcEgress]),
        ] {
            let chosen = choose(Choice::Auto, &rule(direction, action), &[&eth0]).unwrap();
            assert_eq!(chosen.ingress, hook, "{direction:?} {action:?}");
            assert_eq!(chosen.attachments, attachments.into_iter().map(|a| (7, a)).collect());
        }
    }

    #[test]
    fn a_foreign_xdp_program_stays() {
        let foreign = interface(XdpState::Foreign { program: 42 });
        let drop = rule(Direction::In, Action::Drop);
        assert_eq!(choose(Choice::Auto, &drop, &[&foreign]).unwrap().ingress, Hook::Tc);
        let refusal = choose(Choice::Xdp, &drop, &[&foreign]).unwrap_err().to_string();
        assert!(refusal.contains("id 42") && refusal.contains("--backend tc"), "{refusal}");
    }

    #[test]
    fn xdp_answers_in_generic_mode_or_not_at_all() {
        let reset = rule(Direction::In, Action::Reset);
        let chosen = choose(Choice::Xdp, &reset, &[&interface(XdpState::Free)]).unwrap();
        assert_eq!(chosen.attachments, BTreeSet::from([(7, Attachment::XdpGeneric)]));
        assert!(choose(Choice::Xdp, &reset, &[&interface(XdpState::Ours(XdpMode::Native))]).is_err());
        assert!(choose(Choice::Xdp, &reset, &[&interface(XdpState::Ours(XdpMode::Generic))]).is_ok());
    }

    #[test]
    fn xdp_does_not_see_departures() {
        let refusal = choose(Choice::Xdp, &rule(Direction::Out, Action::Drop), &[]).unwrap_err();
        assert!(refusal.to_string().contains("auto"), "{refusal}");
    }
}
