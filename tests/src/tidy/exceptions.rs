//! Exceptions to a rule, each with its reason.

/// A place that may break a rule, and why.
pub(super) type Exception = (&'static str, &'static str);

/// Fails with every finding that no exception covers, and with every exception that covers nothing any more. A finding is
/// (place, what is wrong there).
pub(super) fn check(rule: &str, findings: &[(String, String)], exceptions: &[Exception]) {
    let mut complaints: Vec<String> = findings
        .iter()
        .filter(|(place, _)| !exceptions.iter().any(|(allowed, _)| allowed == place))
        .map(|(place, what)| format!("{place}: {what}"))
        .collect();
    complaints.extend(
        exceptions
            .iter()
            .filter(|(allowed, _)| !findings.iter().any(|(place, _)| allowed == place))
            .map(|(allowed, _)| format!("{allowed}: the exception is stale, take it off the list")),
    );
    assert!(complaints.is_empty(), "{rule}\n  {}", complaints.join("\n  "));
}

mod tests {
    use super::check;

    fn finding() -> Vec<(String, String)> {
        vec![("a.rs".into(), "too long".into())]
    }

    #[test]
    fn a_finding_with_an_exception_is_fine() {
        check("rule", &finding(), &[("a.rs", "a table")]);
    }

    #[test]
    #[should_panic(expected = "a.rs: too long")]
    fn a_finding_without_one_fails() {
        check("rule", &finding(), &[]);
    }

    #[test]
    #[should_panic(expected = "stale")]
    fn an_exception_without_a_finding_fails() {
        check("rule", &[], &[("a.rs", "a table")]);
    }
}
