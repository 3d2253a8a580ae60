//! [`TaggedSchema`]: the JSON Schema of a job enum's payloads.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// One object for each kind, tagged by `type`; put together kind by kind.
pub struct TaggedSchema {
    title: &'static str,
    generator: SchemaGenerator,
    kinds: Vec<Value>,
}

impl TaggedSchema {
    /// The schema of the enum called `title`, with no kinds yet.
    pub fn new(title: &'static str) -> Self {
        Self {
            title,
            generator: SchemaGenerator::default(),
            kinds: Vec::new(),
        }
    }

    /// Adds the kind called `name`, whose payload is a `T`.
    pub fn add<T: JsonSchema>(&mut self, name: &'static str) {
        let mut kind = T::json_schema(&mut self.generator);
        let object = kind.ensure_object();
        let properties = object.entry("properties").or_insert_with(|| json!({}));
        if let Some(properties) = properties.as_object_mut() {
            let mut tagged = Map::from_iter([("type".to_owned(), json!({ "const": name }))]);
            tagged.append(properties);
            *properties = tagged;
        }
        let required = object.entry("required").or_insert_with(|| json!([]));
        if let Some(required) = required.as_array_mut() {
            required.insert(0, json!("type"));
        }
        self.kinds.push(kind.to_value());
    }

    /// The whole.
    pub fn finish(mut self) -> Schema {
        let definitions = self.generator.take_definitions(true);
        let mut schema = json_schema!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.title,
            "oneOf": self.kinds,
        });
        if !definitions.is_empty() {
            schema.insert("$defs".to_owned(), Value::Object(definitions));
        }
        schema
    }
}
