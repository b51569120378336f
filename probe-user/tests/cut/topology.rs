//! Topologies between two real nodes: who still hears whom.

use std::{fs, net::SocketAddr};

use crate::{
    harness::{Pair, netsplit},
    traffic::{Met, Server, new_connection},
};

/// Applies the topology to both ends of the cable, called `one` and `two`, and gives the cut's id.
fn apply(pair: &Pair, topology: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (inventory, policy) = (folder.path().join("inventory.toml"), folder.path().join("policy.toml"));
    let text = format!(
        "scope = \"main\"\ntimings = {{ ttl = 30, loop_wait = 10, retry_timeout = 10 }}\n\
         observer = {{ transport = \"local\" }}\n\
         postgres = {{ user = \"postgres\", password = \"x\", database = \"postgres\" }}\n\
         etcd = {{ endpoints = [] }}\n\
         [[node]]\nname = \"one\"\ntransport = \"{}\"\naddress = \"{}\"\n\
         [[node]]\nname = \"two\"\ntransport = \"{}\"\naddress = \"{}\"\n",
        pair.node_target(),
        Pair::V4,
        pair.peer_target(),
        Pair::PEER_V4
    );
    fs::write(&inventory, text).unwrap();
    fs::write(&policy, format!("[[topology]]\n{topology}\n")).unwrap();
    let told = netsplit(&[
        "apply",
        policy.to_str().unwrap(),
        "--cluster",
        inventory.to_str().unwrap(),
        "--for",
        "60s",
    ]);
    told.data().trim().to_owned()
}

#[test]
fn an_edge_is_cut_both_ways_and_one_way_is_one_way() {
    let pair = Pair::new();
    let (one, two) = (pair.node_target(), pair.peer_target());
    let _servers = [&one, &two].map(|target| [5432, 8008].map(|port| Server::start(target, port)));
    let at = |address, port| SocketAddr::new(address, port);
    let met = || {
        [5432, 8008].map(|port| {
            let calls_two = new_connection(&one, at(Pair::PEER_V4, port));
            (calls_two, new_connection(&two, at(Pair::V4, port)))
        })
    };
    let open = (Met::Answer, Met::Answer);
    assert_eq!(met(), [open, open]);
    for (topology, expected) in [
        (
            "kind = \"edge\"\nbetween = [\"one\", \"two\"]\nports = [5432]\naction = \"drop\"",
            [(Met::Silence, Met::Silence), open],
        ),
        (
            "kind = \"isolate\"\nnode = \"two\"\nports = [8008]\naction = \"reset\"",
            [open, (Met::Refused, Met::Refused)],
        ),
        (
            "kind = \"one-way\"\nfrom = \"one\"\nto = \"two\"\nflows = \"new\"\naction = \"reset\"",
            [(Met::Refused, Met::Answer), (Met::Refused, Met::Answer)],
        ),
    ] {
        let id = apply(&pair, topology);
        assert_eq!(met(), expected, "{topology}");
        netsplit(&["revert", &id]).data();
        assert_eq!(met(), [open, open], "{topology}, reverted");
    }
    assert_eq!(pair.traces(), Vec::<String>::new());
}
