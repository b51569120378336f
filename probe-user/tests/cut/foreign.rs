//! What others have put there stays, and works.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use aya::{
    Ebpf,
    programs::{
        LinkOrder, SchedClassifier, TcAttachType, Xdp, XdpMode,
        tc::{NlOptions, TcAttachOptions, qdisc_add_clsact},
    },
};
use netsplit::{
    backend::{
        Choice,
        datapath::{TcFlavour, object},
        interfaces,
    },
    cluster::{Target, within},
    cut::Request,
    policy::{Action, PlannedRule},
};

use crate::{
    harness::{Pair, at_once, cut, netsplit, pin_folder, poll_until, request, rule, run, tcx_programs},
    traffic::{Met, Server, new_connection},
};

const NODE: SocketAddr = SocketAddr::new(Pair::V4, 5432);

/// An XDP program that is not netsplit's: it was loaded by this test, and passes everything.
pub(crate) struct ForeignXdp {
    target: Target,
    _loaded: Ebpf,
    pub(crate) id: u32,
}

impl ForeignXdp {
    pub(crate) fn on(target: &Target, interface: &str) -> Self {
        within(target, || {
            let mut loaded = Ebpf::load(object()).unwrap();
            let program: &mut Xdp = loaded.program_mut("netsplit_xdp").unwrap().try_into().unwrap();
            program.load().unwrap();
            program.attach(interface, XdpMode::Skb).unwrap();
            let id = program.info().unwrap().id();
            Self { target: target.clone(), _loaded: loaded, id }
        })
        .unwrap()
    }

    pub(crate) fn is_there(&self) -> bool {
        let Target::Netns(namespace) = &self.target else { return false };
        run("ip", &["-n", namespace, "-d", "link"]).contains(&format!("id {}", self.id))
    }
}

#[test]
fn a_foreign_xdp_program_stays_and_tc_lives_beside_it() {
    let pair = Pair::new();
    let target = pair.node_target().to_string();
    let _server = Server::start(&pair.node_target(), 5432);
    let foreign = ForeignXdp::on(&pair.node_target(), "eth0");

    let apply = ["apply", "--ports", "5432", "--action", "drop", "--on", &target, "--for", "60s"];
    let refused = netsplit(&[&apply[..], &["--backend", "xdp"]].concat());
    assert_ne!(refused.code, Some(0));
    let complaint = refused.complaint();
    assert!(complaint.contains(&format!("(id {})", foreign.id)), "{complaint}");
    assert!(complaint.contains("--backend tc"), "{complaint}");
    assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Answer);

    for backend in ["auto", "tc"] {
        let id = netsplit(&[&apply[..], &["--backend", backend]].concat()).data();
        let met = new_connection(&pair.peer_target(), NODE);
        let status = netsplit(&["status"]).data();
        assert_eq!(met, Met::Silence, "{backend}: {status}");
        assert!(status.contains("eth0 tc ingress"), "{status}");
        assert!(foreign.is_there());
        netsplit(&["revert", id.trim()]).data();
        assert!(foreign.is_there());
        assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Answer, "{backend}");
    }
    drop(foreign);
    assert_eq!(pair.traces(), Vec::<String>::new());
}

/// A classifier that is not netsplit's.
fn load_classifier() -> Ebpf {
    let mut loaded = Ebpf::load(object()).unwrap();
    classifier(&mut loaded).load().unwrap();
    loaded
}

fn classifier(loaded: &mut Ebpf) -> &mut SchedClassifier {
    loaded.program_mut("netsplit_out").unwrap().try_into().unwrap()
}

fn filters(pair: &Pair) -> String {
    run("tc", &["-n", &pair.node, "filter", "show", "dev", "eth0", "ingress"])
}

fn resetting(pair: &Pair, flavour: TcFlavour) -> Request {
    let mut asked = request(pair.node_target(), vec![PlannedRule { action: Action::Reset, ..rule() }]);
    (asked.choice, asked.flavour) = (Choice::Tc, flavour);
    asked
}

#[test]
fn a_foreign_qdisc_and_its_filters_stay() {
    // By priority: any, and the highest that there is.
    let priorities = ["7", "1"];
    let flavours = [TcFlavour::Clsact, TcFlavour::Tcx];
    let all = flavours.map(|flavour| priorities.map(|priority| (flavour, priority))).concat();
    at_once(&all, |&(flavour, priority)| {
        let pair = Pair::new();
        let _server = Server::start(&pair.node_target(), 5432);
        run("tc", &["-n", &pair.node, "qdisc", "add", "dev", "eth0", "clsact"]);
        let filter = ["filter", "add", "dev", "eth0", "ingress", "prio", priority, "protocol", "all"];
        let matching = ["u32", "match", "u32", "0", "0"];
        run("tc", &[&["-n", &pair.node], &filter[..], &matching[..]].concat());
        let before = filters(&pair);
        assert!(before.contains("match 00000000"), "{before}");
        let guard = cut(&resetting(&pair, flavour));
        assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused, "{flavour:?} {priority}");
        guard.revert().unwrap();
        assert_eq!(filters(&pair), before, "{flavour:?} {priority}");
        assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Answer);
    });
}

#[test]
fn a_foreign_filter_on_a_qdisc_that_netsplit_made_stays() {
    let pair = Pair::new();
    let guard = cut(&resetting(&pair, TcFlavour::Clsact));
    let mut loaded = load_classifier();
    let foreign = within(&pair.node_target(), || {
        assert!(qdisc_add_clsact("eth0").is_err(), "netsplit made it");
        let options = TcAttachOptions::Netlink(NlOptions { priority: 50, ..NlOptions::default() });
        let program = classifier(&mut loaded);
        program.attach_with_options("eth0", TcAttachType::Ingress, options).unwrap();
        program.info().unwrap().id()
    })
    .unwrap();
    guard.revert().unwrap();
    let left = filters(&pair);
    assert!(left.contains(&format!("id {foreign}")), "{left}");
    assert!(!left.contains("netsplit_in"), "{left}");
    assert!(run("tc", &["-n", &pair.node, "qdisc", "show", "dev", "eth0"]).contains("clsact"));
    // Only the interface that the foreign filter sits on keeps its qdisc.
    assert!(!run("tc", &["-n", &pair.node, "qdisc", "show", "dev", "lo"]).contains("clsact"));
}

#[test]
fn a_foreign_tcx_program_stays() {
    let pair = Pair::new();
    let _server = Server::start(&pair.node_target(), 5432);
    let mut loaded = load_classifier();
    let foreign = within(&pair.node_target(), || {
        let program = classifier(&mut loaded);
        let order = TcAttachOptions::TcxOrder(LinkOrder::default());
        program.attach_with_options("eth0", TcAttachType::Ingress, order).unwrap();
        program.info().unwrap().id()
    })
    .unwrap();
    let guard = cut(&resetting(&pair, TcFlavour::Auto));
    assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused);
    guard.revert().unwrap();
    let left = within(&pair.node_target(), tcx_programs).unwrap();
    assert_eq!(
        left.iter().map(|(interface, _, id)| (interface.as_str(), *id)).collect::<Vec<_>>(),
        [("eth0", foreign)]
    );
}

#[test]
fn foreign_firewall_rules_stay() {
    let pair = Pair::new();
    let nft = |arguments: &[&str]| run("ip", &[&["netns", "exec", &pair.node, "nft"], arguments].concat());
    nft(&["add", "table", "inet", "theirs"]);
    nft(&["add", "chain", "inet", "theirs", "arriving", "{ type filter hook input priority 0; }"]);
    nft(&["add", "rule", "inet", "theirs", "arriving", "tcp", "dport", "8008", "drop"]);
    run(
        "ip",
        &["netns", "exec", &pair.node, "iptables", "-A", "INPUT", "-p", "tcp", "--dport", "9", "-j", "DROP"],
    );
    let rules = || {
        let legacy = run("ip", &["netns", "exec", &pair.node, "iptables", "-S"]);
        nft(&["list", "table", "inet", "theirs"]) + &legacy
    };
    let before = rules();
    for choice in [Choice::Xdp, Choice::Tc, Choice::Nft] {
        let mut asked = request(pair.node_target(), vec![rule()]);
        asked.choice = choice;
        let held = cut(&asked);
        assert_eq!(rules(), before, "{choice:?}");
        held.revert().unwrap();
        assert_eq!(rules(), before);
    }
}

#[test]
fn an_interface_that_goes_away_does_not_stand_in_a_reverts_way() {
    for (choice, flavour) in
        [(Choice::Tc, TcFlavour::Clsact), (Choice::Tc, TcFlavour::Tcx), (Choice::Nft, TcFlavour::Auto)]
    {
        let pair = Pair::new();
        let mut asked = resetting(&pair, flavour);
        asked.choice = choice;
        let guard = cut(&asked);
        assert!(within(&pair.node_target(), || interfaces(None)).unwrap().unwrap().len() >= 2);
        run("ip", &["-n", &pair.node, "link", "del", "eth0"]);
        guard.revert().unwrap();
        assert_eq!(pair.traces(), Vec::<String>::new());
    }
}

#[test]
fn what_somebody_detached_is_attached_again_by_the_next_cut() {
    let flavours =
        [(Choice::Xdp, TcFlavour::Auto), (Choice::Tc, TcFlavour::Tcx), (Choice::Tc, TcFlavour::Clsact)];
    at_once(&flavours, |&(choice, flavour)| {
        let pair = Pair::new();
        let _server = Server::start(&pair.node_target(), 5432);
        let asked = Request { choice, ..resetting(&pair, flavour) };
        let _first = cut(&asked);
        assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused);
        if flavour == TcFlavour::Clsact {
            run("tc", &["-n", &pair.node, "qdisc", "del", "dev", "eth0", "clsact"]);
        } else {
            let folder = pins_of(&pair);
            for pin in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                if pin.file_name().unwrap().to_string_lossy().starts_with("link-") {
                    fs::remove_file(pin).unwrap();
                }
            }
        }
        // A link goes a moment after its last reference.
        poll_until("the program is detached", Duration::from_secs(5), || {
            new_connection(&pair.peer_target(), NODE) == Met::Answer
        });
        let second = cut(&asked);
        assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused, "{choice:?} {flavour:?}");
        second.revert().unwrap();
    });
}

fn pins_of(pair: &Pair) -> PathBuf {
    let folder = within(&pair.node_target(), pin_folder).unwrap();
    Path::new("/sys/fs/bpf/netsplit").join(folder)
}
