//! A `[[topology]]`: its shape and who takes part; how it is cut is read as a rule's is.

use super::{
    draft::{Part, Parts},
    file::{self, Terms},
    rule, word,
    word::{At, Who, Wrong},
};
use crate::{
    document::{Problem, Problems, Reported, Table, Value, list_of},
    policy::{Member, NodeSelector, Peer, Shape, ShapeKind, Topology},
};

/// The topologies of a list of `[[topology]]` tables.
pub(super) fn topologies(value: &Value<'_>) -> Result<Vec<Topology>, Reported> {
    let read: Vec<_> = value.tables("a topology")?.into_iter().map(one_topology).collect();
    read.into_iter().collect()
}

fn one_topology(table: Table<'_>) -> Result<Topology, Reported> {
    let problems = table.problems();
    let kinds = || list_of(ShapeKind::WORDS.iter().map(|(word, _)| *word), "or");
    let kind = table
        .required("kind", &format!("say which shape it has: {}", kinds()))
        .and_then(|value| value.keyword(ShapeKind::WORDS));
    // Which other fields there can be is not known without it.
    let kind = kind?;
    let table = table.named(called(kind));
    let shape = shape(&table, kind);
    let draft = file::draft(&table, Terms::OfTopology);
    table.finish();
    rule::check(&draft, problems);
    Ok(Topology { how: draft.rule()?, shape: shape? })
}

fn called(kind: ShapeKind) -> &'static str {
    match kind {
        ShapeKind::Split => "a split",
        ShapeKind::Isolate => "an isolation",
        ShapeKind::Majority => "a majority",
        ShapeKind::Bridge => "a bridge",
        ShapeKind::Ring => "a ring",
        ShapeKind::OneWay => "a one-way cut",
        ShapeKind::Edge => "an edge",
    }
}

fn shape(table: &Table<'_>, kind: ShapeKind) -> Result<Shape, Reported> {
    let problems = table.problems();
    match kind {
        ShapeKind::Split => {
            let groups = groups(table, 2..=usize::MAX, "groups = [[\"pg1\"], [\"pg2\", \"pg3\"]]")?;
            twice(groups.iter().flatten(), problems);
            Ok(Shape::Split { groups: groups.into_iter().map(plain).collect() })
        }
        ShapeKind::Isolate => {
            let (node, from) = (node(table, "is alone"), members(table, "from"));
            let (node, from) = (node?, from?);
            let itself = At { value: Member::Node(node.value.clone()), span: node.span };
            twice([&itself].into_iter().chain(&from.value), problems);
            Ok(Shape::Isolate { node: node.value, from: plain(from.value) })
        }
        ShapeKind::Majority => {
            let (minority, keep) = (members(table, "minority"), members(table, "keep"));
            let (minority, keep) = (minority?.value, keep?.value);
            if minority.is_empty() && keep.is_empty() {
                return Err(problems.report(
                    Problem::new("a majority needs `minority` or `keep`")
                        .at(table.span(), "says neither who is cut off nor who is not")
                        .help("write minority = [\"@leader\"], or keep = [\"@leader\"] for the other side"),
                ));
            }
            twice(minority.iter().chain(&keep), problems);
            Ok(Shape::Majority { minority: plain(minority), keep: plain(keep) })
        }
        ShapeKind::Bridge => {
            let node = node(table, "hears both sides");
            let groups = groups(table, 2..=2, "groups = [[\"pg1\"], [\"pg2\"]]");
            let (node, groups) = (node?, groups?);
            let bridge = At { value: Member::Node(node.value.clone()), span: node.span };
            twice([&bridge].into_iter().chain(groups.iter().flatten()), problems);
            Ok(Shape::Bridge { node: node.value, groups: groups.into_iter().map(plain).collect() })
        }
        ShapeKind::Ring => {
            let nodes = members(table, "nodes")?;
            twice(&nodes.value, problems);
            let few = matches!(nodes.value.len(), 1 | 2);
            if few && nodes.value.iter().all(|member| means_one(&member.value)) {
                return Err(problems.report(
                    Problem::new("a ring of fewer than three")
                        .at(nodes.span, "everyone is everyone's neighbour")
                        .help("name three or more, or leave `nodes` out for all of the inventory's"),
                ));
            }
            Ok(Shape::Ring { nodes: plain(nodes.value) })
        }
        ShapeKind::OneWay => {
            let (from, to) = (side(table, "from", "is not heard"), side(table, "to", "does not hear"));
            let (from, to) = (from?, to?);
            twice(from.iter().chain(&to), problems);
            Ok(Shape::OneWay { from: plain(from), to: plain(to) })
        }
        ShapeKind::Edge => {
            let value = table.required("between", "name the two ends, as in between = [\"pg1\", \"pg2\"]")?;
            let ends = read_members(&value)?;
            twice(&ends, problems);
            match <[Member; 2]>::try_from(plain(ends)) {
                Ok(between) => Ok(Shape::Edge { between }),
                Err(ends) => Err(value.refuse(
                    "an edge has two ends",
                    format!("{} here", ends.len()),
                    "name two; write another [[topology]] for each further pair",
                )),
            }
        }
    }
}

/// The `node` of a shape that has one.
fn node(table: &Table<'_>, does: &str) -> Part<NodeSelector> {
    let value = table.required("node", &format!("say who {does}, as in node = \"@leader\""))?;
    let read = match value.text()? {
        "*" => {
            Err(Wrong::new("`*` is not one node", "all of them", "name one, or a role such as \"@leader\""))
        }
        "local" => Err(local()),
        text => word::node(text),
    };
    Ok(At { value: read.map_err(|wrong| wrong.report(value.span(), value.problems()))?, span: value.span() })
}

/// A field that names at least one member.
fn side(table: &Table<'_>, key: &'static str, does: &str) -> Result<Vec<At<Member>>, Reported> {
    let value = table.required(key, &format!("say who {does}, as in {key} = [\"@leader\"]"))?;
    read_members(&value)
}

/// A field that may be missing, and names members otherwise.
fn members(table: &Table<'_>, key: &'static str) -> Parts<Member> {
    match table.optional(key) {
        Some(value) => Ok(At { value: read_members(&value)?, span: value.span() }),
        None => Ok(At { value: Vec::new(), span: table.span() }),
    }
}

fn groups(
    table: &Table<'_>,
    count: std::ops::RangeInclusive<usize>,
    example: &str,
) -> Result<Vec<Vec<At<Member>>>, Reported> {
    let value = table.required("groups", &format!("say who stands together, as in {example}"))?;
    let entries = value.list()?;
    if !count.contains(&entries.len()) {
        let (wanted, help) = if count.end() == count.start() {
            ("two groups".to_owned(), "for more than two, write kind = \"split\"")
        } else {
            ("two groups or more".to_owned(), "to cut one node off from all others, write kind = \"isolate\"")
        };
        return Err(value.refuse(
            format!("`groups` must be {wanted}"),
            format!("{} here", entries.len()),
            help,
        ));
    }
    let groups: Vec<_> = entries.iter().map(read_members).collect();
    groups.into_iter().collect()
}

/// A list of members, or one of them alone.
fn read_members(value: &Value<'_>) -> Result<Vec<At<Member>>, Reported> {
    if value.as_text().is_some() {
        return Ok(vec![member(value)?]);
    }
    let entries = value.list()?;
    if entries.is_empty() {
        return Err(value.refuse(
            format!("nobody is in `{}`", value.key()),
            "empty",
            "name nodes, or roles such as \"@leader\"",
        ));
    }
    let entries: Vec<_> = entries.iter().map(member).collect();
    entries.into_iter().collect()
}

fn member(value: &Value<'_>) -> Part<Member> {
    let text = value.text()?;
    let outside = Member::OUTSIDE.iter().find(|(word, _)| *word == text);
    let read = match (outside, text) {
        (Some((_, member)), _) => Ok(member.clone()),
        (None, "local") => Err(local()),
        (None, _) => word::peer(text).map(|who| match who {
            Who::Everyone => Member::Node(NodeSelector::All),
            Who::Peer(Peer::Node(selector)) => Member::Node(selector),
            Who::Peer(Peer::Prefix(prefix)) => Member::Prefix(prefix),
        }),
    };
    Ok(At { value: read.map_err(|wrong| wrong.report(value.span(), value.problems()))?, span: value.span() })
}

fn local() -> Wrong {
    Wrong::new(
        "`local` has no place in a topology",
        "says where a rule is enforced, not who is meant",
        "write the node's name in the inventory, or a role such as \"@leader\"",
    )
}

/// Whether the member can be told, without asking the cluster, to be one party.
fn means_one(member: &Member) -> bool {
    use NodeSelector::{Any, AnyReplica, Leader, Name, OtherReplica};
    matches!(member, Member::Node(Leader | AnyReplica | OtherReplica | Any | Name(_)) | Member::Prefix(_))
}

/// Reports everyone who is named twice, wherever that is.
fn twice<'m>(members: impl IntoIterator<Item = &'m At<Member>>, problems: &Problems) {
    let mut seen: Vec<&At<Member>> = Vec::new();
    for member in members {
        match seen.iter().find(|earlier| earlier.value == member.value) {
            Some(earlier) => {
                problems.report(
                    Problem::new(format!("`{}` is named twice", member.value))
                        .at(member.span, "here again")
                        .at(earlier.span, "first here")
                        .help("everyone stands in one place: name each only once"),
                );
            }
            None => seen.push(member),
        }
    }
}

fn plain(members: Vec<At<Member>>) -> Vec<Member> {
    members.into_iter().map(|member| member.value).collect()
}
