//! What `Payload` knows by the types of the fields, and `Addressed`.

use std::collections::HashMap;

use queue::Payload;
use queue::job::{Addressed, Payload as _};

use crate::support::{Code, greeting, otp};

#[derive(Payload)]
struct Nested {
    _inner: Option<Vec<Wrapper>>,
}

#[derive(Payload)]
struct Wrapper {
    _code: Code,
}

#[derive(Payload)]
struct InContainers {
    _map: HashMap<String, (u8, [Code; 2])>,
}

#[derive(Payload)]
struct Tree {
    _children: Vec<Tree>,
    _next: Option<Box<Self>>,
}

#[derive(Payload)]
struct Marked {
    #[payload(secret)]
    _pin: u16,
}

#[test]
fn a_one_time_code_is_found_however_deep_it_is() {
    const { assert!(Wrapper::REQUIRES_EXPIRY && Nested::REQUIRES_EXPIRY && Nested::SECRET) };
    const { assert!(InContainers::REQUIRES_EXPIRY) };
    const { assert!(!Tree::REQUIRES_EXPIRY && !Tree::SECRET) };
    const { assert!(!Marked::REQUIRES_EXPIRY && Marked::SECRET) };
}

#[test]
fn the_recipient_is_the_field_of_that_name_or_the_marked_one() {
    assert_eq!(greeting().recipient(), "+254700000001");
    assert_eq!(otp().recipient(), "+254700000001");
}
