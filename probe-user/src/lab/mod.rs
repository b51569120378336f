//! The embedded cluster: three Patroni nodes, etcd, `HAProxy` and an observer in network namespaces.
