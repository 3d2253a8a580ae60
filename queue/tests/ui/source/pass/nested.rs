//! Loops, conditions and `with` through other structs.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(
    source = "{{#each items as |it|}}{{@index}}{{it.name}}{{#if it.note}}{{it.note}}{{/if}}{{/each}}{{#with first as |f|}}{{f.name}}{{else}}-{{/with}}{{#with last as |l|}}{{l.name}}{{/with}}"
)]
struct Shipped {
    items: Vec<Item>,
    first: Option<Item>,
    last: Item,
}

#[derive(serde::Serialize)]
struct Item {
    name: String,
    note: Option<String>,
}

fn main() {
    let item = || Item {
        name: "a".into(),
        note: Some("b".into()),
    };
    let shipped = Shipped {
        items: vec![item()],
        first: None,
        last: item(),
    };
    assert_eq!(render_shipped(&shipped).unwrap(), "0ab-a");
}
