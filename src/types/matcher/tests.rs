use proptest::prelude::*;

use super::*;

/// An incident of these names at these resolvers.
pub(in crate::types) fn labelled<'a>(
    tags: &'a BTreeMap<String, String>,
    names: &[&'a str],
    resolvers: &[&'a str],
) -> Labelled<'a> {
    Labelled {
        group: "dialers",
        axis: "name",
        state: "divergent",
        severity: Severity::Critical,
        names: names.to_vec(),
        resolvers: resolvers.to_vec(),
        types: vec![RecordType::A],
        tags,
    }
}

/// Whose incidents they are.
pub(in crate::types) fn tags() -> BTreeMap<String, String> {
    BTreeMap::from([("customer".to_owned(), "acme".to_owned())])
}

fn cover(matchers: &[&str], names: &[&str], resolvers: &[&str]) -> bool {
    let texts: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    let matchers = Matchers::try_from(texts).unwrap();
    matchers.cover(&labelled(&tags(), names, resolvers))
}

#[test]
fn every_relation_and_every_label_is_looked_at() {
    for (matcher, expected) in [
        ("group=dialers", true),
        ("group=\"dialers\"", true),
        ("group = dialers", true),
        ("group=dial", false),
        ("group=~dial.*", true),
        ("group=~dial", false),
        ("group=~dial|dialers", true),
        ("name=Dialer7.Example.com.", true),
        ("name=~DIALER\\d+\\..*", true),
        ("resolver=google", true),
        ("axis=name", true),
        ("state=~divergent|stale_.*", true),
        ("severity=warning", false),
        ("type=a", true),
        ("type=AAAA", false),
        ("name=dialer*.example.com", true),
        ("name=DIALER?.*.com.", true),
        ("name=dialer?", false),
        ("name=*.net", false),
        ("group=d*", true),
        ("resolver=go??le", true),
        ("state=*verg*", true),
        ("severity=crit*", true),
        ("tag.customer=a*", true),
        ("tag.team=v*", false),
        ("tag.customer=acme", true),
        ("tag.customer=~.+", true),
        ("tag.team=voip", false),
    ] {
        let found = cover(&[matcher], &["dialer7.example.com"], &["google"]);
        assert_eq!(found, expected, "{matcher}");
    }
}

#[test]
fn a_negation_narrows_what_another_matcher_asks_for() {
    for (negation, expected) in [
        ("severity!=critical", false),
        ("severity!=warning", true),
        ("resolver!~goo.*", false),
        ("resolver!=goo*", false),
        ("resolver!=qu*", true),
        ("name!=d.?", false),
        ("name!=sip*", true),
        ("resolver!=quad9", true),
        ("tag.team!=voip", true),
        ("tag.customer!=", true),
        ("tag.team!=", false),
    ] {
        let found = cover(&["group=dialers", negation], &["d.x"], &["google"]);
        assert_eq!(found, expected, "{negation}");
    }
}

#[test]
fn a_breach_that_is_wider_than_a_matcher_is_not_meant() {
    let dialers = &["name=~dialer.*"];
    assert!(cover(dialers, &["dialer1.x", "dialer2.x"], &[]));
    assert!(!cover(dialers, &["dialer1.x", "sip.x"], &[]));
    assert!(!cover(dialers, &[], &["google"]), "names nobody named");
    let only = &["resolver=google"];
    assert!(!cover(only, &["dialer1.x"], &["google", "quad9"]));
    let but = &["group=dialers", "resolver!=quad9"];
    assert!(!cover(but, &["dialer1.x"], &["google", "quad9"]));
    assert!(cover(&["group=dialers", "resolver="], &["d.x"], &[]));
}

#[test]
fn what_is_no_matcher_is_refused_with_the_mend() {
    for (text, told) in [
        ("dialers", "write name=VALUE"),
        ("group!dialers", "write name=VALUE"),
        ("nmae=x", "`nmae` cannot be matched"),
        ("tag.=x", "`tag.` cannot be matched"),
        ("name=~(", "no regular expression"),
        ("name=~a)|(b", "no regular expression"),
        ("name=~(a{1000}){1000}", "too large"),
    ] {
        let refused = text.parse::<Matcher>().unwrap_err().to_string();
        assert!(refused.contains(told), "{text}: {refused}");
    }
    let of_length = |length: usize| {
        let name = "x".repeat(length - "name=".len());
        format!("name={name}").parse::<Matcher>().map(drop)
    };
    assert_eq!(of_length(LONGEST), Ok(()));
    assert_eq!(of_length(LONGEST + 1), Err(NotAMatcher::Unwieldy));
}

#[test]
fn matchers_are_shown_in_their_order_and_none_is_like_another() {
    let texts = [
        "group=dialers",
        "name!=sip.example.com",
        "tag.team=~voip|web",
    ];
    let matchers = Matchers::try_from(texts.map(str::to_owned).to_vec()).unwrap();
    assert_eq!(matchers.texts(), texts);
    assert_eq!(matchers.to_string(), texts.join(" "));
    let read = texts.map(|text| text.parse::<Matcher>().unwrap());
    assert_ne!(read[0], read[1]);
    assert_ne!(read[0], "group!=dialers".parse().unwrap());
}

#[test]
fn what_would_match_everything_is_refused() {
    for texts in [
        vec![],
        vec!["name=~.*"],
        vec!["name=*"],
        vec!["group!=s*", "resolver!~x"],
    ] {
        let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
        let refused = Matchers::try_from(texts).unwrap_err();
        assert_eq!(refused, NotAMatcher::Everything);
    }
}

proptest! {
    #[test]
    fn a_matcher_is_read_as_it_is_written(
        label in "name|group|resolver|axis|state|severity|type|tag\\.[a-z]{1,5}",
        relation in "=|!=|=~|!~",
        value in "[a-z0-9.-]{0,20}",
    ) {
        let matcher: Matcher = format!("{label}{relation}{value}").parse().unwrap();
        let again: Matcher = matcher.to_string().parse().unwrap();
        prop_assert_eq!(&again, &matcher);
        let json = serde_json::to_string(&matcher).unwrap();
        prop_assert_eq!(serde_json::from_str::<Matcher>(&json).unwrap(), matcher);
    }

    #[test]
    fn a_pattern_means_what_the_same_regular_expression_does(
        pattern in "[ab.*?é]{0,8}", text in "[ab.é]{0,8}",
    ) {
        let regex: String = pattern
            .chars()
            .map(|here| match here {
                '*' => ".*".to_owned(),
                '?' => ".".to_owned(),
                other => regex::escape(&other.to_string()),
            })
            .collect();
        let regex = Regex::new(&format!("^(?:{regex})$")).unwrap();
        prop_assert_eq!(is_like(&pattern, &text), regex.is_match(&text));
    }

    #[test]
    fn a_relation_and_its_negation_never_agree(
        value in "[a-z]{0,3}", other in "[a-z]{0,3}", relation in "=|=~",
    ) {
        let negation = if relation == "=" { "!=" } else { "!~" };
        let one: Matcher = format!("group{relation}{value}").parse().unwrap();
        let not: Matcher = format!("group{negation}{value}").parse().unwrap();
        prop_assert_ne!(one.fits(&other), not.fits(&other));
    }
}
