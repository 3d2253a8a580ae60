//! The check: every problem, on its line and column, with what to write instead.

use queue_templates::{Field, Place, Start, Use, analyze, check};

fn fields() -> Vec<Field> {
    let mut fields: Vec<Field> = ["name", "order", "items", "count", "len"]
        .map(Field::new)
        .into();
    fields.push(Field::optional("nick"));
    fields
}

fn problems(source: &str) -> Vec<String> {
    check(source, "Shipped", &fields())
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn good_texts_have_no_problems() {
    for source in [
        "",
        "plain { text } \\{{name}}",
        "{{name}} {{ order.id }} {{~count~}} {{! {{> note}} }}{{!-- {{nmae}} --}}",
        "{{#if nick}}{{nick}}{{else}}{{name}}{{/if}}",
        "{{#unless nick}}{{name}}{{else}}{{nick}}{{/unless}}",
        "{{#if (and nick (gt count 1))}}{{nick}}{{/if}}",
        "{{#if (eq count 1)}}one{{else if (or nick name)}}two{{else}}many{{/if}}",
        "{{#each items as |item i|}}{{i}} {{@index}} {{item.name}} {{@root.name}}{{else}}none{{/each}}",
        "{{#each items as |a|}}{{#each a.parts as |b|}}{{a.name}}{{b.name}}{{@last}}{{/each}}{{/each}}",
        "{{#with nick as |n|}}{{n}}{{else}}{{name}}{{/with}}",
        "{{#if nick}}{{#with nick as |n|}}{{n}}{{/with}}{{/if}}",
        "{{#each nick as |n|}}{{n}}{{else}}{{name}}{{/each}}",
        "{{#if nick}}{{#each items as |item|}}{{@root.name}}{{/each}}{{/if}}",
        "{{#if len}}{{len items}}{{/if}}",
        "{{#if count includeZero=true}}{{count}}{{/if}}",
    ] {
        assert_eq!(problems(source), [""; 0], "{source}");
    }
}

#[test]
fn every_problem_says_what_to_write_instead() {
    let table = [
        "{{nmae}}",
        "{{#if nmae}}x{{/if}}",
        "{{#if (eq nmae 1)}}x{{/if}}",
        "{{#if name}}x{{else if nmae}}y{{/if}}",
        "{{nick}}",
        "{{#if name}}{{nick}}{{/if}}",
        "{{#if nick}}{{else}}{{nick}}{{/if}}",
        "{{#if (or nick name)}}{{nick}}{{/if}}",
        "{{nick.first}}",
        "{{len}}",
        "{{upper name}}",
        "{{lenn items}}",
        "{{log name}}",
        "{{lookup items 0}}",
        "{{each items}}",
        "{{#name}}x{{/name}}",
        "{{#eq name 1}}x{{/eq}}",
        "{{{name}}}",
        "{{&name}}",
        "{{> footer}}",
        "{{#> footer}}x{{/footer}}",
        "{{* decorate}}",
        "{{{{raw}}}}x{{{{/raw}}}}",
        "{{#each items}}{{name}}{{/each}}",
        "{{#with order}}{{id}}{{/with}}",
        "{{#each items as |name|}}{{name}}{{/each}}",
        "{{#each items as |a|}}{{#each a.b as |a|}}{{a}}{{/each}}{{/each}}",
        "{{#each items as |it|}}{{name}}{{/each}}",
        "{{#each items as |it|}}{{itt.name}}{{/each}}",
        "{{#each items as |it|}}{{../name}}{{/each}}",
        "{{#each items as |it|}}{{@key}}{{/each}}",
        "{{#each items as |it i|}}{{i.x}}{{/each}}",
        "{{#each nick as |n|}}{{n}}{{/each}}",
        "{{#with nick as |n|}}{{n}}{{/with}}",
        "{{#with order as |a b|}}{{a.id}}{{/with}}",
        "{{#if name as |n|}}x{{/if}}",
        "{{#each (len items) as |n|}}x{{/each}}",
        "{{@index}}",
        "{{@root}}",
        "{{this}}",
        "{{this.name}}",
        "{{./name}}",
        "{{order/id}}",
        "{{items.[0]}}",
        "{{items.0.name}}",
        "{{#if}}x{{/if}}",
        "{{#if (eq count)}}x{{/if}}",
        "{{#if name size=1}}x{{/if}}",
        "{{#if name}}x",
        "{{name",
        "{{#if name}}x{{/unless}}",
        "a\nb\n  {{nmae}}\n{{#if name}}\n  {{cuont}}\n{{/if}}",
    ];
    let report: String = table
        .iter()
        .map(|source| {
            let found = problems(source);
            assert!(!found.is_empty(), "{source}");
            format!("{source}\n    {}\n", found.join("\n    "))
        })
        .collect();
    insta::assert_snapshot!("problems", report);
}

#[test]
fn uses_follow_the_loops() {
    let place = |start: Start, steps: &[&str]| Place {
        start,
        steps: steps.iter().map(ToString::to_string).collect(),
    };
    let field = |name: &str| Start::Field(name.to_owned());
    let variable = |name: &str| Start::Variable(name.to_owned());
    let source =
        "{{order.id}}{{#each items as |it|}}{{#if it.nick}}{{it.nick}}{{/if}}{{it.name}}{{/each}}";
    assert_eq!(
        analyze(source, "Shipped", &fields()).uses,
        [
            Use::Shown(place(field("order"), &["id"])),
            Use::Each {
                items: place(field("items"), &[]),
                item: "it".to_owned(),
                body: vec![
                    Use::Read(place(variable("it"), &["nick"])),
                    Use::Read(place(variable("it"), &["nick"])),
                    Use::Shown(place(variable("it"), &["name"])),
                ],
                is_guarded: false,
            },
        ]
    );
}
