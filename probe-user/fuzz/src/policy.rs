//! The policy parser: any text is a policy or is rejected at places inside it, and what is a policy prints to a text
//! that means the same.

use miette::Diagnostic;
use netsplit::policy::parse;

/// The input is a policy's text; what is not UTF-8 never comes to the parser.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match parse("policy.toml", text) {
        Ok(policy) => {
            let printed = policy.to_toml();
            let read = parse("printed.toml", &printed)
                .unwrap_or_else(|rejected| panic!("{rejected:?}\nprinted as:\n{printed}\nfrom:\n{text}"));
            assert_eq!(read, policy, "{printed}");
        }
        Err(rejected) => {
            assert!(!rejected.problems().is_empty(), "rejected without a reason");
            for problem in rejected.problems() {
                assert!(!problem.message().is_empty());
                for label in problem.labels().into_iter().flatten() {
                    let end = label.offset() + label.len();
                    assert!(
                        text.get(label.offset()..end).is_some(),
                        "{problem:?} points outside of {text:?}"
                    );
                }
            }
        }
    }
}
