//! What the derives write, seen from an application.

#[path = "derive/support.rs"]
mod support;

#[path = "derive/debug.rs"]
mod debug;
#[path = "derive/names.rs"]
mod names;
#[path = "derive/payload.rs"]
mod payload;
#[path = "derive/render.rs"]
mod render;
#[path = "derive/schema.rs"]
mod schema;
#[path = "derive/wire.rs"]
mod wire;
