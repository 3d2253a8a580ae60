//! [`Personality`]: how a gateway of the family writes its answers, and what it takes.

/// How a gateway of the family writes its answers, and what it takes. The differences are real; see each field.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Personality {
    /// Under which key sends report their code. Reports and balances always use `response-code`.
    pub code_key: CodeKey,
    /// Codes are written as text.
    pub codes_as_text: bool,
    /// How `messageid` is written.
    pub message_ids: IdForm,
    /// `clientsmsid` comes back as it went out; otherwise not at all.
    pub client_ids: bool,
    /// `mobile` is written as text; otherwise as a number.
    pub mobile_as_text: bool,
    /// With code 1004, `mobile` is an object that holds `mobile` (the Wave client unwraps it).
    pub mobile_nested_on_1004: bool,
    /// What holds the rows.
    pub envelope: Envelope,
    /// What a slash at the end of an endpoint does.
    pub slash: SlashRule,
    /// Most rows of one `sendbulk`; more are refused with 1012.
    pub bulk_rows_max: usize,
    /// Most numbers of one `sendsms`; more are refused with 1104.
    pub contacts_max: usize,
    /// Refuses single messages with a flat answer instead of a row.
    pub refuses_flat: bool,
}

/// Under which key a code is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKey {
    /// `respose-code`: TextSMS, Sunface, Salum's client.
    Respose,
    /// `response-code`: Advanta.
    Response,
    /// Both, with the same code.
    Both,
}

/// How an id is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdForm {
    /// As a number.
    Number,
    /// As text.
    Text,
    /// Not at all.
    Absent,
    /// As the text `None`.
    NoneText,
}

/// What holds the rows of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// An object with `responses`.
    Responses,
    /// A bare array.
    BareArray,
    /// A JSON string that holds the object's JSON.
    JsonAsText,
}

/// What a slash at the end of an endpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlashRule {
    /// Nothing.
    Either,
    /// With it, the answer is empty (reported for Celcom's `getbalance/`).
    EmptyWithSlash,
    /// Without it, the answer is empty.
    EmptyWithoutSlash,
}

impl Personality {
    /// Salum, as its one public client sees it.
    pub fn salum() -> Self {
        Self {
            code_key: CodeKey::Respose,
            codes_as_text: false,
            message_ids: IdForm::Number,
            client_ids: true,
            mobile_as_text: false,
            mobile_nested_on_1004: false,
            envelope: Envelope::Responses,
            slash: SlashRule::Either,
            bulk_rows_max: 20,
            contacts_max: 1000,
            refuses_flat: false,
        }
    }

    /// TextSMS and Sunface: like Salum, and only with a slash.
    pub fn textsms() -> Self {
        Self {
            slash: SlashRule::EmptyWithoutSlash,
            ..Self::salum()
        }
    }

    /// Advanta: the right spelling, ids as text, 1000 rows, refusals as a whole.
    pub fn advanta() -> Self {
        Self {
            code_key: CodeKey::Response,
            message_ids: IdForm::Text,
            mobile_as_text: true,
            bulk_rows_max: 1000,
            refuses_flat: true,
            ..Self::salum()
        }
    }

    /// Celcom: no slash, codes as text, and 1004 with a nested number.
    pub fn celcom() -> Self {
        Self {
            code_key: CodeKey::Response,
            codes_as_text: true,
            mobile_nested_on_1004: true,
            slash: SlashRule::EmptyWithSlash,
            contacts_max: 100,
            ..Self::salum()
        }
    }
}

impl Default for Personality {
    fn default() -> Self {
        Self::salum()
    }
}
