//! Random texts: nothing panics, and a text without problems always renders.

use queue_templates::{Escape, Field, Template, check};
use serde_json::json;

/// Texts tried: a second or two in a debug build.
const TEXTS: u32 = 5_000;

/// Pieces that make up texts, good and bad, in an order without meaning.
const PIECES: [&str; 48] = [
    "{{a}}",
    "{{n}}",
    "{{o}}",
    "{{nope}}",
    "{{@root.a}}",
    "{{it.x}}",
    "{{w}}",
    "{{i}}",
    "text ",
    "\n",
    "\\{{",
    "{{#if a}}",
    "{{#if o}}",
    "{{#if (eq n 1)}}",
    "{{#if (and o (gt n 0))}}",
    "{{#unless o}}",
    "{{else}}",
    "{{else if n}}",
    "{{/if}}",
    "{{/unless}}",
    "{{#each l as |it|}}",
    "{{#each l as |it i|}}",
    "{{#each o as |it|}}",
    "{{/each}}",
    "{{#with a as |w|}}",
    "{{#with o as |w|}}",
    "{{/with}}",
    "{{@index}}",
    "{{@last}}",
    "{{len l}}",
    "{{(len l)}}",
    "{{#each l}}",
    "{{this}}",
    "{{../a}}",
    "{{> a}}",
    "{{{a}}}",
    "{{! x }}",
    "{{!-- {{a}} --}}",
    "{{~a~}}",
    "{{",
    "}}",
    "{{#",
    "(",
    "\"",
    "{{not \"}}\"}}",
    "{{{{raw}}}}",
    "{{if}}",
    "é",
];

#[test]
fn a_text_without_problems_renders() {
    let fields = [
        Field::new("a"),
        Field::new("n"),
        Field::new("l"),
        Field::optional("o"),
    ];
    let data = [
        json!({"a": "A", "n": 1, "l": [{"x": 1}, {"x": 2}], "o": null}),
        json!({"a": "A", "n": 0, "l": [], "o": [{"x": 3}]}),
    ];
    let mut random = Random(7);
    let mut good = 0;
    for _ in 0..TEXTS {
        let source: String = (0..=random.below(7))
            .map(|_| PIECES[random.below(PIECES.len())])
            .collect();
        if !check(&source, "Garbage", &fields).is_empty() {
            continue;
        }
        good += 1;
        for data in &data {
            let rendered = Template::compile("garbage", &source, Escape::Html)
                .and_then(|template| template.render(data));
            assert!(rendered.is_ok(), "{source}: {rendered:?}");
        }
    }
    assert!(good > 200, "{good}");
}

/// The least generator that does: Knuth's MMIX constants.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound
    }
}
