//! Texts: from the attribute, a file, the shipped ones; nested fields; renames by serde.

use queue::provider::RenderError;
use queue::{Job, Template};
use serde::Serialize;

use crate::support::{Alarm, Push, PushJob, greeting, otp};

#[test]
fn a_job_renders_to_its_message() {
    assert_eq!(
        PushJob::Greeting(greeting()).render(),
        Ok(Push {
            to: "+254700000001".into(),
            text: "Hello Wanjiru!".into()
        })
    );
    assert_eq!(
        PushJob::Otp(otp()).render().unwrap().text,
        "493817 is your verification code. It is valid for 10 minutes. Never share it with anyone."
    );
    let silent = Alarm {
        level: 0,
        parts: Vec::new(),
    };
    assert_eq!(
        PushJob::FireAlarm(silent).render(),
        Err(RenderError::new("no alarm"))
    );
}

#[derive(Template, Serialize)]
#[template(path = "tests/parcel.hbs")]
struct Parcel {
    name: String,
}

#[derive(Template, Serialize)]
#[template(path = "tests/parcel.html.hbs")]
struct ParcelHtml {
    name: String,
}

#[derive(Template, Serialize)]
#[template(path = "tests/parcel.html.hbs", escape = "none")]
struct ParcelPlain {
    name: String,
}

#[test]
fn a_file_is_compiled_in_and_escaped_by_its_name() {
    let name = || "A & B".to_owned();
    assert_eq!(
        render_parcel(&Parcel { name: name() }).unwrap(),
        "Dear A & B,\n\nyour parcel is here."
    );
    assert_eq!(
        render_parcel_html(&ParcelHtml { name: name() }).unwrap(),
        "<p>Dear A &amp; B</p>"
    );
    assert_eq!(
        render_parcel_plain(&ParcelPlain { name: name() }).unwrap(),
        "<p>Dear A & B</p>"
    );
}

#[derive(Template, Serialize)]
#[serde(rename_all = "camelCase")]
#[template(
    source = "{{userName}} {{ID}}: {{#each items as |it|}}{{#unless @first}}, {{/unless}}{{it.size.width}} {{#if it.note}}({{it.note}}){{else}}for {{@root.userName}}{{/if}}{{/each}}{{#with maybe as |m|}} {{m.width}}{{else}} none{{/with}}{{#each more as |m|}}+{{m.size.width}}{{else}}.{{/each}}"
)]
struct Order {
    user_name: String,
    #[serde(rename = "ID")]
    number: u32,
    items: Vec<Item>,
    maybe: Option<Size>,
    more: Option<Vec<Item>>,
}

#[derive(Serialize)]
struct Item {
    size: Size,
    note: Option<String>,
}

#[derive(Serialize)]
struct Size {
    width: u8,
}

#[test]
fn nested_fields_lists_options_and_renames_render() {
    let item = |width, note: Option<&str>| Item {
        size: Size { width },
        note: note.map(str::to_owned),
    };
    let mut order = Order {
        user_name: "A".into(),
        number: 7,
        items: vec![item(1, Some("red")), item(2, None)],
        maybe: None,
        more: None,
    };
    assert_eq!(render_order(&order).unwrap(), "A 7: 1 (red), 2 for A none.");
    order.maybe = Some(Size { width: 3 });
    order.more = Some(vec![item(4, None)]);
    assert_eq!(render_order(&order).unwrap(), "A 7: 1 (red), 2 for A 3+4");
}

#[derive(Template, Serialize)]
#[template(source = "{{text}}{{text}}")]
struct Long {
    text: String,
}

#[test]
fn a_render_error_names_the_template_and_no_value() {
    let error = render_long(&Long {
        text: "s3cret".repeat(10_000),
    })
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "template `Long`: the rendered text is longer than 65536 bytes"
    );
}
