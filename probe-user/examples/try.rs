use netsplit::{backend::datapath::*, backend::*, cluster::*, cut::*, policy::*};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    tracing_subscriber::fmt().with_env_filter("netsplit=trace").init();
    let t: Target = a[1].parse().unwrap();
    let action = match a[2].as_str() {
        "drop" => Action::Drop,
        "reject" => Action::Reject,
        _ => Action::Reset,
    };
    let choice = match a[3].as_str() {
        "xdp" => Choice::Xdp,
        "tc" => Choice::Tc,
        _ => Choice::Auto,
    };
    let rule = PlannedRule {
        origin: 0,
        direction: Direction::In,
        protocol: Protocol::Tcp,
        ports: vec![PortRange { first: 5432, last: 5432 }],
        peer_ports: vec![],
        peers: vec![],
        flows: Flows::All,
        action,
        loopback: true,
        interfaces: vec![],
    };
    let r = Request {
        plan: Plan {
            description: "x".into(),
            nodes: vec![NodePlan { node: "n".into(), target: t, rules: vec![rule] }],
        },
        lease: std::time::Duration::from_secs(60),
        choice,
        flavour: TcFlavour::Auto,
    };
    match apply(&r) {
        Ok(c) => {
            println!("{c:#?}");
            std::thread::sleep(std::time::Duration::from_secs(a[4].parse().unwrap()));
            println!("{:#?}", status().unwrap());
            println!("{:?}", revert(&c.id).is_ok());
        }
        Err(e) => {
            let mut s: Option<&dyn std::error::Error> = Some(&e);
            while let Some(x) = s {
                println!("ERR {x}");
                s = x.source();
            }
        }
    }
}
