//! Two labs on one machine.

use std::thread;

use netsplit::{
    cluster::LocalConnection,
    lab::{EtcdMembers, Host, Options},
};

use crate::name::{Name, patroni_comes_from};

#[test]
fn two_labs_live_side_by_side_one_over_the_socket_with_three_etcds() {
    let (one, two) = (Name::new("one"), Name::new("two"));
    let odd = Options { local: LocalConnection::Socket, etcd: EtcdMembers::Three, ..two.fast() };
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| one.up(&one.fast()));
        let second = scope.spawn(|| two.up(&odd));
        (first.join().unwrap(), second.join().unwrap())
    });
    assert!(first.status().unwrap().healthy && second.status().unwrap().healthy);

    let leader = second.status().unwrap().leader.unwrap();
    assert_eq!(patroni_comes_from(&two, &leader), "socket");
    assert_eq!(second.inventory().etcd.endpoints.len(), 3);
    for host in Host::POSTGRES {
        assert!(second.pids(host).etcd.is_some(), "{host}");
    }
    assert_eq!(two.exec("mon", &["etcdctl", "endpoint", "health"]).status.code(), Some(0));

    first.down().unwrap();
    one.assert_gone();
    assert!(second.status().unwrap().healthy, "the other lab does not notice");
    second.down().unwrap();
    two.assert_gone();
}
