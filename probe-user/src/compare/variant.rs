//! A scenario of each combination: fields of its own file, or of the policies that it applies, set to other values.
//!
//! The files' texts are edited and read again by the ordinary parsers, so every field that they know can be varied, and
//! what cannot be is told as it would be in a file.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml_edit::{Array, DocumentMut, Value};

use super::{
    Factor,
    design::combinations,
    field::{LAB, Place, Segment, put, value_of},
};
use crate::{
    backend::Choice,
    document::{self, LoadError, list_of, nearest},
    lab::Options,
    policy::{self, Policy},
    scenario::{CutSource, Deed, LabNeeds, Prepared, RunError, Scenario},
};

/// What `timings` can be, as `netsplit lab up --timings` has it.
const TIMINGS: [&str; 2] = ["fast", "default"];

/// A combination, ready to run.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What each factor is set to, in their order.
    pub levels: Vec<String>,
    /// Its short name, which is a part of its run directories' names.
    pub name: String,
    /// The scenario, with everything that it names.
    pub prepared: Prepared,
    /// Who enforces its cuts, where that is varied.
    pub backend: Option<Choice>,
}

impl Variant {
    /// What the cluster must be for it.
    pub fn needs(&self) -> &LabNeeds {
        &self.prepared.scenario().lab
    }
}

/// Why a combination cannot be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum VariantError {
    /// The scenario, or a policy that it names, cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Load(#[from] LoadError),
    /// There is nothing that the key could mean.
    #[error("`{key}` cannot be varied: {why}")]
    #[diagnostic(help("{help}"))]
    Nowhere {
        /// The key.
        key: String,
        /// Why.
        why: String,
        /// The way out.
        help: String,
    },
    /// What comes of it is not a good scenario or policy.
    #[error("{set}")]
    Level {
        /// The key and the level, in a sentence.
        set: Box<str>,
        /// What is wrong with what comes of it.
        #[source]
        #[diagnostic_source]
        source: LoadError,
    },
}

impl VariantError {
    /// There is nothing that the key could mean.
    pub(super) fn nowhere(key: &str, why: &str, help: String) -> Self {
        Self::Nowhere { key: key.to_owned(), why: why.to_owned(), help }
    }
}

/// A variant of the scenario in this file for each combination of the factors' levels.
pub fn variants(file: &Path, factors: &[Factor]) -> Result<Vec<Variant>, VariantError> {
    let texts = Texts::read(file)?;
    let counts: Vec<usize> = factors.iter().map(|factor| factor.levels.len()).collect();
    let mut made = Vec::new();
    for combination in combinations(&counts) {
        let mut texts = texts.clone();
        let mut backend = None;
        let mut levels = Vec::new();
        for (factor, level) in factors.iter().zip(combination) {
            let level = &factor.levels[level];
            levels.push(level.clone());
            if factor.key == "backend" {
                backend = Some(backend_of(level)?);
            } else {
                texts = texts.with(&factor.key, level)?;
            }
        }
        let name = name_of(&levels, &made);
        let prepared = texts.prepare().map_err(VariantError::Load)?;
        made.push(Variant { levels, name, prepared, backend });
    }
    Ok(made)
}

fn backend_of(level: &str) -> Result<Choice, VariantError> {
    clap::ValueEnum::from_str(level, false).map_err(|_| VariantError::Nowhere {
        key: "backend".to_owned(),
        why: format!("there is no backend `{level}`"),
        help: "use auto, xdp, tc or nft".to_owned(),
    })
}

/// Letters and digits of the levels, with a number behind where another combination has that name.
fn name_of(levels: &[String], others: &[Variant]) -> String {
    let plain = |level: &String| {
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
        let words = level.split(|c| !letters(c)).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("_")
    };
    let name = levels.iter().map(plain).collect::<Vec<_>>().join("-");
    let taken = |name: &str| others.iter().any(|other| other.name == name);
    let numbered = (2..).map(|number| format!("{name}.{number}"));
    [name.clone()].into_iter().chain(numbered).find(|name| !taken(name)).unwrap_or(name)
}

/// The texts that a run is made of.
#[derive(Clone, Debug)]
struct Texts {
    /// The scenario's file.
    file: PathBuf,
    id: String,
    scenario: String,
    /// Policies by the name that the scenario has for them.
    policies: BTreeMap<PathBuf, String>,
}

impl Texts {
    fn read(file: &Path) -> Result<Self, VariantError> {
        let id = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = document::load(file)?;
        let scenario = Scenario::parse(&file.display().to_string(), &id, &text).map_err(LoadError::from)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut policies = BTreeMap::new();
        for step in &scenario.steps {
            if let Deed::Apply(apply) = &step.deed
                && let CutSource::File(name) = &apply.source
            {
                policies.insert(name.clone(), document::load(&folder.join(name))?);
            }
        }
        Ok(Self { file: file.to_owned(), id, scenario: text, policies })
    }

    fn prepare(&self) -> Result<Prepared, LoadError> {
        let named = self.file.display().to_string();
        let scenario = Scenario::parse(&named, &self.id, &self.scenario)?;
        let read = |file: &Path| -> Result<Policy, LoadError> {
            let text = self.policies.get(file).map(String::as_str).unwrap_or_default();
            Ok(policy::parse(&file.display().to_string(), text)?)
        };
        Prepared::reading(scenario, read).map_err(|error| match error {
            RunError::Policy { source, .. } => source,
            _ => unreachable!("nothing but policies is read"),
        })
    }

    /// The texts with this field set.
    ///
    /// What is written without brackets where a list is asked for is a list of one.
    fn with(&self, key: &str, level: &str) -> Result<Self, VariantError> {
        if key == "timings" {
            return self.timings(level);
        }
        let place = Place::of(key)?;
        // A version such as 3.0 is no number.
        let value = if key.ends_with("patroni") { Value::from(level) } else { value_of(level) };
        let rejected = match self.set(key, &place, &value)? {
            Ok(texts) => return Ok(texts),
            Err(rejected) => rejected,
        };
        let list = Value::Array(Array::from_iter([value.clone()]));
        let in_list = if value.is_array() { None } else { self.set(key, &place, &list)?.ok() };
        in_list.ok_or_else(|| VariantError::Level {
            set: format!("`{key}` cannot be `{level}`").into(),
            source: rejected,
        })
    }

    fn timings(&self, level: &str) -> Result<Self, VariantError> {
        let timings = match level {
            "fast" => Options::FAST_TIMINGS,
            "default" => Options::DEFAULT_TIMINGS,
            _ => {
                let words = list_of(TIMINGS, "or");
                return Err(VariantError::nowhere(
                    "timings",
                    &format!("there are no timings `{level}`"),
                    format!("use {words}"),
                ));
            }
        };
        let all = [
            ("ttl", timings.ttl),
            ("loop_wait", timings.loop_wait),
            ("retry_timeout", timings.retry_timeout),
        ];
        all.iter().try_fold(self.clone(), |texts, (key, seconds)| texts.with(key, &seconds.to_string()))
    }

    /// The texts with the value in this place, or what the parsers say to them.
    fn set(&self, key: &str, place: &Place, value: &Value) -> Result<Result<Self, LoadError>, VariantError> {
        let mut texts = self.clone();
        let mut set = 0;
        let mut edit = |text: &mut String, steps: &[Segment]| {
            // The parsers have read it, or an edited one before it.
            let Ok(mut document) = text.parse::<DocumentMut>() else { return };
            let here = put(document.as_table_mut(), steps, value);
            if here > 0 {
                set += here;
                *text = document.to_string();
            }
        };
        match place {
            Place::Scenario(path) => edit(&mut texts.scenario, path),
            Place::Cuts(paths) => {
                let step = [Segment::Key("step".to_owned()), Segment::All];
                for path in paths {
                    texts.policies.values_mut().for_each(|text| edit(text, path));
                    let inline: Vec<Segment> = step.iter().chain(path).cloned().collect();
                    edit(&mut texts.scenario, &inline);
                }
            }
        }
        if set == 0 {
            return Err(no_such_place(key));
        }
        Ok(texts.prepare().map(|_| texts))
    }
}

fn no_such_place(key: &str) -> VariantError {
    let words = || LAB.into_iter().chain(["backend", "timings"]);
    let help = match nearest(key, words()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if key.contains('.') => {
            "count steps, rules and expectations from 1, as in step.2.wait, rule.1.action or expect.1.within"
                .to_owned()
        }
        None => format!("vary {}, or a path such as step.2.wait", list_of(words(), "or")),
    };
    let why =
        if key.contains('.') { "the scenario has no such place" } else { "no cut of the scenario has rules" };
    VariantError::nowhere(key, why, help)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{causes::in_a_line, document::Rejected};

    const CUT: &str =
        "description = 'x'\n# why\n[[rule]]\nnode = '@leader'\nports = [5432]\naction = 'drop'\n";
    const SCENARIO: &str = "title = 'x'\nexpect = []\n[[step]]\napply = '../cuts/cut.toml'\n\
                            [[step]]\nwait = '5s'\n[[step]]\nas = 'inline'\n[[step.rule]]\nnode = '@any-replica'\nports = [1]\n\
                            action = 'drop'\n[[step]]\nrevert = true\n";

    fn varied(factors: &[&str]) -> Result<Vec<Variant>, VariantError> {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("room");
            fs::write(&path, text).expect("room");
            path
        };
        write("cuts/cut.toml", CUT);
        let file = write("scenarios/s.toml", SCENARIO);
        let factors: Vec<Factor> = factors.iter().map(|text| text.parse().expect("a good factor")).collect();
        variants(&file, &factors)
    }

    /// What the cuts of a variant are, in a line.
    fn cuts(variant: &Variant) -> String {
        let rules = variant.prepared.policies().flat_map(|policy| &policy.rules);
        let ports =
            |rule: &policy::Rule| rule.ports.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
        rules.map(|rule| format!("{} {}", rule.action, ports(rule))).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn every_combination_of_every_kind_of_field() {
        let variants = varied(&["action=drop,reset", "ports=5432,[8008,9000]"]).expect("good factors");
        let cuts: Vec<_> = variants.iter().map(cuts).collect();
        assert_eq!(
            cuts,
            [
                "drop 5432, drop 5432",
                "drop 8008+9000, drop 8008+9000",
                "reset 5432, reset 5432",
                "reset 8008+9000, reset 8008+9000",
            ]
        );
        let names: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).collect();
        assert_eq!(names, ["drop-5432", "drop-8008_9000", "reset-5432", "reset-8008_9000"]);
        assert_eq!(variants[1].levels, ["drop", "[8008,9000]"]);

        let lab =
            varied(&["timings=fast,default", "local=tcp,socket", "patroni=3.0,4.1.5"]).expect("good factors");
        let needs = lab[0].needs();
        assert_eq!((needs.ttl, needs.loop_wait, needs.patroni.as_deref()), (Some(20), Some(1), Some("3.0")));
        assert_eq!(lab[7].needs().ttl, Some(30));

        let paths =
            varied(&["step.2.wait=5s,50s", "step.3.rule.1.action=drop,reject"]).expect("good factors");
        assert!(
            paths[2].prepared.scenario().text.contains("wait = \"50s\""),
            "{}",
            paths[2].prepared.scenario().text
        );
        assert_eq!(self::cuts(&paths[3]), "drop 5432, reject 1");

        let backends = varied(&["backend=xdp,nft"]).expect("good factors");
        assert_eq!(
            backends.iter().map(|one| one.backend).collect::<Vec<_>>(),
            [Some(Choice::Xdp), Some(Choice::Nft)]
        );
    }

    #[test]
    fn names_of_runs_are_plain_and_differ() {
        let variants = varied(&["node=@leader,leader", "step.2.wait=1s,2s"]).expect("good factors");
        let names: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).collect();
        assert_eq!(names, ["leader-1s", "leader-2s", "leader-1s.2", "leader-2s.2"]);
    }

    #[test]
    fn what_cannot_be_varied_says_the_way_out() {
        let told = |factor: &str| {
            let error = varied(&[factor]).expect_err("a bad factor");
            let help = match &error {
                VariantError::Nowhere { help, .. } => help.clone(),
                VariantError::Level { source: LoadError::Rejected(rejected), .. } => told_of(rejected),
                _ => String::new(),
            };
            // The path is another one each time.
            let said = in_a_line(&error);
            let said = said.split(": /").next().unwrap_or_default();
            format!("{factor}\n  {said}\n  {help}")
        };
        let told: Vec<_> = [
            "action=drop,dorp",
            "acton=drop,reset",
            "step.9.wait=1s,2s",
            "step.0.wait=1s,2s",
            "step.2.wiat=1s,2s",
            "backend=xdp,ebpf",
            "timings=fast,slow",
            "ttl=20,soon",
        ]
        .into_iter()
        .map(told)
        .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    fn told_of(rejected: &Rejected) -> String {
        rejected.problems().iter().map(|problem| problem.message().to_owned()).collect::<Vec<_>>().join("; ")
    }
}
