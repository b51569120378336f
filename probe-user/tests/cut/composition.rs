//! Several cuts at once, and several nodes at once.

use std::{
    net::{Ipv6Addr, SocketAddr},
    time::Duration,
};

use netsplit::{
    backend::{Choice, datapath::TcFlavour},
    causes::in_a_line,
    cut::{CutStatus, Guard, Request, apply, status},
    policy::{Action, PlannedRule, PortRange},
};

use crate::{
    foreign::ForeignXdp,
    harness::{Pair, at_once, cut, request, rule},
    traffic::{Met, Server, new_connection},
};

const NODE: SocketAddr = SocketAddr::new(Pair::V4, 5432);

fn of(guard: &Guard) -> CutStatus {
    let id = &guard.cut().unwrap().id;
    status().unwrap().into_iter().find(|cut| cut.id == *id).unwrap()
}

#[test]
fn of_two_cuts_that_overlap_the_first_decides_and_either_can_go_first() {
    let all = [Choice::Auto, Choice::Nft].map(|choice| [true, false].map(|first| (choice, first))).concat();
    at_once(&all, |&(choice, first_goes_first)| {
        let pair = Pair::new();
        let _server = Server::start(&pair.node_target(), 5432);
        let by = |rule| Request { choice, ..request(pair.node_target(), vec![rule]) };
        let dropping = cut(&by(rule()));
        let resetting = cut(&by(PlannedRule { action: Action::Reset, ..rule() }));
        let client = pair.peer_target();
        assert_eq!(new_connection(&client, NODE), Met::Silence);
        assert_eq!(of(&resetting).rules[0].packets, 0, "the first cut decides");
        let dropped = of(&dropping).rules[0].packets;
        assert!(dropped > 0);

        if first_goes_first {
            let ended = dropping.revert().unwrap();
            assert!(ended[0].rules[0].packets >= dropped);
            assert_eq!(new_connection(&client, NODE), Met::Refused);
            let ended = resetting.revert().unwrap();
            assert_eq!(ended[0].rules[0].packets, 1);
        } else {
            let ended = resetting.revert().unwrap();
            assert_eq!(ended[0].rules[0].packets, 0);
            assert_eq!(new_connection(&client, NODE), Met::Silence);
            assert!(dropping.revert().unwrap()[0].rules[0].packets > dropped);
        }
        assert_eq!(new_connection(&client, NODE), Met::Answer);
        assert_eq!(pair.traces(), Vec::<String>::new());
    });
}

#[test]
fn a_cut_by_xdp_and_one_by_tc_hold_side_by_side() {
    at_once(&[Action::Drop, Action::Reset], |&action| {
        let pair = Pair::new();
        let _server = Server::start(&pair.node_target(), 5432);
        let elsewhere = vec![PortRange { first: 8008, last: 8008 }];
        let mut by_xdp =
            request(pair.node_target(), vec![PlannedRule { ports: elsewhere, action, ..rule() }]);
        by_xdp.choice = Choice::Xdp;
        let mut by_tc = request(pair.node_target(), vec![PlannedRule { action: Action::Reset, ..rule() }]);
        by_tc.choice = Choice::Tc;
        let _xdp = cut(&by_xdp);
        let _tc = cut(&by_tc);
        for (client, to) in [
            (pair.peer_target(), Pair::V4),
            (pair.peer_target(), Pair::V6),
            (pair.node_target(), Pair::V4),
            (pair.node_target(), Ipv6Addr::LOCALHOST.into()),
        ] {
            assert_eq!(
                new_connection(&client, (to, 5432).into()),
                Met::Refused,
                "{action:?} {client} > {to}"
            );
        }
    });
}

#[test]
fn counters_go_on_when_another_cut_comes_and_goes() {
    at_once(&[Choice::Auto, Choice::Nft], |&choice| {
        let pair = Pair::new();
        let _server = Server::start(&pair.node_target(), 5432);
        let reset = PlannedRule { action: Action::Reset, ..rule() };
        let asked = Request { choice, ..request(pair.node_target(), vec![reset]) };
        let guard = cut(&asked);
        for round in 1..=3 {
            assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused);
            assert_eq!(of(&guard).rules[0].packets, round, "{choice:?}");
            let other = cut(&asked);
            assert_eq!(of(&other).rules[0].packets, 0, "a new cut begins at zero");
            other.revert().unwrap();
        }
    });
}

/// One rule on the first pair's node and one on the second's.
fn on_both(first: &Pair, second: &Pair, there: PlannedRule, choice: Choice) -> Request {
    let mut asked = request(first.node_target(), vec![rule()]);
    asked.plan.nodes.extend(request(second.node_target(), vec![there]).plan.nodes);
    asked.choice = choice;
    asked
}

#[test]
fn when_one_node_cannot_be_cut_none_is() {
    for flavour in [TcFlavour::Tcx, TcFlavour::Clsact] {
        let (first, second) = (Pair::new(), Pair::new());
        let _server = Server::start(&first.node_target(), 5432);
        let missing = PlannedRule { interfaces: vec!["eth9".into()], ..rule() };
        let mut asked = on_both(&first, &second, missing, Choice::Tc);
        asked.flavour = flavour;
        let error = in_a_line(&apply(&asked).unwrap_err());
        assert!(error.contains("eth9"), "{error}");
        assert_eq!(new_connection(&first.peer_target(), NODE), Met::Answer);
        assert_eq!([first.traces(), second.traces()].concat(), Vec::<String>::new());
    }
}

#[test]
fn when_a_foreign_program_is_in_the_way_of_one_node_none_is_cut() {
    let (first, second) = (Pair::new(), Pair::new());
    let foreign = ForeignXdp::on(&second.node_target(), "eth0");
    let _server = Server::start(&first.node_target(), 5432);
    let asked = on_both(&first, &second, rule(), Choice::Xdp);
    let error = in_a_line(&apply(&asked).unwrap_err());
    assert!(error.contains(&format!("id {}", foreign.id)) && error.contains("--backend tc"), "{error}");
    assert_eq!(new_connection(&first.peer_target(), NODE), Met::Answer);
    assert_eq!(first.traces(), Vec::<String>::new());
    assert!(foreign.is_there());
}

#[test]
fn a_cut_of_two_nodes_is_one_cut_and_ends_on_both() {
    for choice in [Choice::Auto, Choice::Nft] {
        let (first, second) = (Pair::new(), Pair::new());
        let _servers = [&first, &second].map(|pair| Server::start(&pair.node_target(), 5432));
        let reset = PlannedRule { action: Action::Reset, ..rule() };
        let mut asked = on_both(&first, &second, reset.clone(), choice);
        asked.plan.nodes[0].rules = vec![reset];
        asked.lease = Duration::from_secs(30);
        let guard = cut(&asked);
        for pair in [&first, &second] {
            assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused, "{choice:?}");
        }
        let ended = guard.revert().unwrap();
        assert_eq!(ended.iter().map(|cut| cut.rules[0].packets).collect::<Vec<_>>(), [1, 1]);
        for pair in [&first, &second] {
            assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Answer);
            assert_eq!(pair.traces(), Vec::<String>::new());
        }
    }
}
