//! The schema: one object for each kind, tagged.

use queue::Job;

use crate::support::PushJob;

#[test]
fn the_schema_lists_every_kind_with_its_tag() {
    let schema = PushJob::schema().to_value();
    assert_eq!(schema["title"], "PushJob");
    let kinds = schema["oneOf"].as_array().unwrap();
    let tags: Vec<_> = kinds
        .iter()
        .map(|kind| &kind["properties"]["type"]["const"])
        .collect();
    assert_eq!(tags, ["greeting", "otp", "fire"]);
    assert_eq!(
        kinds[0]["required"],
        serde_json::json!(["type", "recipient", "name"])
    );
    assert_eq!(kinds[0]["properties"]["name"]["type"], "string");
    assert_eq!(
        kinds[2]["properties"]["parts"]["items"]["$ref"],
        "#/$defs/Part"
    );
    assert_eq!(
        schema["$defs"]["Part"]["properties"]["label"]["type"],
        "string"
    );
}
