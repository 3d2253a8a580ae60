//! Names in other cases: ours for Rust items, serde's for fields.

use heck::ToSnakeCase;
use proc_macro2::Ident;
use quote::format_ident;
use syn::ext::IdentExt;

/// `OtpCode` to `otp_code`; `r#Type` to `type`.
pub(crate) fn snake(ident: &Ident) -> String {
    ident.unraw().to_string().to_snake_case()
}

/// `SmsJob` and `Welcome` to `create_welcome_sms_job`; `Alert` and `Fire` to `create_fire_alert_job`.
pub(crate) fn creator(job: &Ident, variant: &Ident) -> Ident {
    let (job_name, variant_name) = (snake(job), snake(variant));
    let suffix = if job_name == "job" || job_name.ends_with("_job") {
        ""
    } else {
        "_job"
    };
    format_ident!(
        "create_{variant_name}_{job_name}{suffix}",
        span = variant.span()
    )
}

/// `OtpSms` to `render_otp_sms`.
pub(crate) fn renderer(payload: &Ident) -> Ident {
    format_ident!("render_{}", snake(payload), span = payload.span())
}

/// The field's name under `#[serde(rename_all = "…")]`, by serde's own rules; `None` for a rule serde does not have.
pub(crate) fn serde_rename(rule: &str, field: &str) -> Option<String> {
    let pascal = || -> String { field.split('_').map(capital).collect() };
    Some(match rule {
        "lowercase" | "snake_case" => field.to_owned(),
        "UPPERCASE" | "SCREAMING_SNAKE_CASE" => field.to_ascii_uppercase(),
        "PascalCase" => pascal(),
        "camelCase" => {
            let pascal = pascal();
            let mut chars = pascal.chars();
            chars
                .next()
                .map(|first| first.to_ascii_lowercase().to_string() + chars.as_str())
                .unwrap_or_default()
        }
        "kebab-case" => field.replace('_', "-"),
        "SCREAMING-KEBAB-CASE" => field.to_ascii_uppercase().replace('_', "-"),
        _ => return None,
    })
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + chars.as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_named_after_enum_and_variant() {
        let name = |job: &str, variant: &str| {
            creator(&format_ident!("{job}"), &format_ident!("{variant}")).to_string()
        };
        assert_eq!(name("SmsJob", "Welcome"), "create_welcome_sms_job");
        assert_eq!(name("Alert", "FireNow"), "create_fire_now_alert_job");
        assert_eq!(name("Job", "r#Type"), "create_type_job");
        assert_eq!(
            renderer(&format_ident!("r#OtpSms")).to_string(),
            "render_otp_sms"
        );
    }

    #[test]
    fn fields_are_renamed_as_serde_does() {
        for (rule, name) in [
            ("lowercase", "order_id"),
            ("UPPERCASE", "ORDER_ID"),
            ("PascalCase", "OrderId"),
            ("camelCase", "orderId"),
            ("snake_case", "order_id"),
            ("SCREAMING_SNAKE_CASE", "ORDER_ID"),
            ("kebab-case", "order-id"),
            ("SCREAMING-KEBAB-CASE", "ORDER-ID"),
        ] {
            assert_eq!(serde_rename(rule, "order_id").as_deref(), Some(name));
        }
        assert_eq!(serde_rename("Train-Case", "order_id"), None);
    }
}
