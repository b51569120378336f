//! The kernel ends a cut when its lease is over, and needs nobody for it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    harness::{Pair, at_once, netsplit},
    traffic::{Met, Server, flows_again, new_connection},
};

const NODE: SocketAddr = SocketAddr::new(Pair::V4, 5432);

#[test]
fn a_cut_ends_with_its_lease_though_nobody_is_left_to_end_it() {
    at_once(&["xdp", "tc", "nft"], |backend| {
        let pair = Pair::new();
        let _server = Server::start(&pair.node_target(), 5432);
        let target = pair.node_target().to_string();
        let apply = |lease: &str| {
            let rule = ["apply", "--ports", "5432", "--action", "reset", "--backend", backend];
            netsplit(&[&rule[..], &["--on", &target, "--for", lease]].concat()).data().trim().to_owned()
        };
        let begun = Instant::now();
        // Long enough for an emulated processor to look before it is over.
        let id = apply("12s");
        let in_force = Instant::now();
        assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused);
        let again = flows_again(&pair.peer_target(), NODE, Duration::from_secs(30));
        assert!(again - begun >= Duration::from_secs(12), "{:?}", again - begun);
        assert!(again - in_force <= Duration::from_secs(15), "{:?}", again - in_force);

        let table = netsplit(&["status"]).data();
        let line = table.lines().find(|line| line.contains(&id)).unwrap();
        assert!(line.contains("ended by its lease"), "{table}");

        let second = apply("60s");
        assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Refused);
        assert!(!netsplit(&["status"]).data().contains(&id), "the ended cut is cleared away");
        netsplit(&["revert", &second]).data();
        assert_eq!(new_connection(&pair.peer_target(), NODE), Met::Answer);
        assert_eq!(pair.traces(), Vec::<String>::new());
    });
}

#[test]
fn a_cut_that_its_lease_has_ended_is_reverted_like_any_other() {
    at_once(&["auto", "nft"], |backend| {
        let pair = Pair::new();
        let _server = Server::start(&pair.node_target(), 5432);
        let target = pair.node_target().to_string();
        let apply = ["apply", "--ports", "5432", "--action", "drop", "--on", &target, "--for", "500ms"];
        let id = netsplit(&[&apply[..], &["--backend", backend]].concat()).data().trim().to_owned();
        flows_again(&pair.peer_target(), NODE, Duration::from_secs(5));
        let told = netsplit(&["revert", &id]);
        assert!(told.err.contains("after its lease had ended it"), "{told:?}");
        told.data();
        assert_eq!(pair.traces(), Vec::<String>::new());
    });
}
