//! Rendering: escaping, strictness, limits, and errors that keep values to themselves.

use queue_templates::{
    Escape, OUTPUT_BYTES_MAX, SOURCE_BYTES_MAX, Template, TemplateError, TemplateErrorKind,
};
use serde_json::{Value, json};

const HOSTILE: &str = "<script>alert('x')</script> & \"{{secret}}\" `=`";

fn compile(source: &str, escape: Escape) -> Result<Template, TemplateError> {
    Template::compile("test", source, escape)
}

fn render(source: &str, data: &Value) -> Result<String, TemplateError> {
    compile(source, Escape::None)?.render(data)
}

#[test]
fn plain_text_is_not_escaped() {
    assert_eq!(render("{{a}}", &json!({"a": HOSTILE})).unwrap(), HOSTILE);
}

#[test]
fn html_is_escaped_and_never_evaluated() {
    let template = compile("<p title=\"{{a}}\">{{a}}</p>", Escape::Html).unwrap();
    insta::assert_snapshot!(
        template.render(&json!({"a": HOSTILE})).unwrap(),
        @r#"<p title="&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; &quot;{{secret}}&quot; &#x60;&#x3D;&#x60;">&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; &quot;{{secret}}&quot; &#x60;&#x3D;&#x60;</p>"#
    );
}

#[test]
fn one_newline_at_the_end_is_not_part_of_the_text() {
    for (source, text) in [
        ("a\n", "a"),
        ("a\r\n", "a"),
        ("a\n\n", "a\n"),
        ("a", "a"),
        ("\n", ""),
    ] {
        assert_eq!(render(source, &json!({})).unwrap(), text);
    }
}

#[test]
fn blocks_conditions_and_roots_render() {
    let source = "{{#each items as |it|}}{{#unless @first}}, {{/unless}}{{it.name}} for {{@root.who}}{{/each}}\
                  {{#if (and vip (gt count 1))}}!{{else if vip}}?{{else}}.{{/if}}\
                  {{#with order as |o|}} #{{o.id}}{{else}} none{{/with}}";
    let data = json!({
        "items": [{"name": "tea"}, {"name": "milk"}], "who": "A", "vip": true, "count": 1, "order": {"id": 7},
    });
    assert_eq!(render(source, &data).unwrap(), "tea for A, milk for A? #7");
    let data = json!({"items": [], "who": "A", "vip": false, "count": 0, "order": null});
    assert_eq!(render(source, &data).unwrap(), ". none");
}

#[test]
fn a_missing_value_is_an_error_with_its_place() {
    let error = render("Dear\n {{name}}", &json!({"nmae": "A"})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "template `test`: no value for a placeholder at line 2, column 2"
    );
}

#[test]
fn errors_never_quote_a_value() {
    let data = json!({"a": "s3cret", "b": ["s3cret"], "c": {"s3cret": 1}});
    for source in [
        "{{a.x.y}}",
        "{{b.x}}",
        "{{#each a as |x|}}{{x}}{{/each}}",
        "{{len c.x}}",
        "{{gt b c.x}}",
    ] {
        let error = render(source, &data).unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("s3cret"),
            "{error:?}"
        );
    }
}

#[test]
fn data_that_does_not_serialize_is_an_error() {
    struct Bad;
    impl serde::Serialize for Bad {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("s3cret"))
        }
    }
    let error = compile("a", Escape::None)
        .unwrap()
        .render(&Bad)
        .unwrap_err();
    assert_eq!(error.kind(), &TemplateErrorKind::Unserializable);
}

#[test]
fn the_output_is_bounded() {
    let fits = "x".repeat(OUTPUT_BYTES_MAX);
    assert_eq!(render("{{a}}", &json!({"a": fits})).unwrap(), fits);
    let error = render("{{a}}y", &json!({"a": fits})).unwrap_err();
    assert_eq!(
        error.kind(),
        &TemplateErrorKind::OutputTooLarge {
            limit: OUTPUT_BYTES_MAX
        }
    );
}

#[test]
fn what_could_overflow_the_stack_does_not_compile() {
    let deep = format!("{}{}", "{{#if a}}".repeat(10_000), "{{/if}}".repeat(10_000));
    let brackets = format!("{{{{eq {} 1}}}}", "(not ".repeat(20_000));
    let chain = format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if a}}".repeat(9_000));
    let hidden = format!("{{{{!-- }}}}{deep}");
    let large = "a".repeat(SOURCE_BYTES_MAX + 1);
    for source in [
        "{{> test}}",
        "{{#> test}}{{/test}}",
        "{{#*inline \"a\"}}{{> a}}{{/inline}}",
        &deep,
        &brackets,
        &chain,
        &hidden,
        &large,
    ] {
        let error = compile(source, Escape::None).unwrap_err();
        assert!(matches!(error.kind(), TemplateErrorKind::Invalid(_)));
    }
}

#[test]
fn the_deepest_text_allowed_compiles_on_a_small_stack() {
    let deep = format!(
        "{}{{{{a}}}}{}",
        "{{#if a}}".repeat(32),
        "{{/if}}".repeat(32)
    );
    let work = move || render(&deep, &json!({"a": 1})).unwrap();
    let thread = std::thread::Builder::new().stack_size(512 * 1024);
    assert_eq!(thread.spawn(work).unwrap().join().unwrap(), "1");
}
