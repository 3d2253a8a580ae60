//! Which time zones a country's clocks show.

use crate::sms::Region;

/// The time zones of `region`, as names of the IANA database; empty when the region is not in the table.
///
/// A phone number tells its country and not where in it the phone is. So a country with several zones has its outermost
/// ones here, those in which people live: a moment that is fit in all of them is fit wherever the phone is.
///
/// Source: `zone1970.tab` and `backward` of the IANA time zone database; which zones are outermost is our choice.
pub fn zones_of(region: Region) -> &'static [&'static str] {
    match region.as_str() {
        // East Africa.
        "KE" => &["Africa/Nairobi"],
        "TZ" => &["Africa/Dar_es_Salaam"],
        "UG" => &["Africa/Kampala"],
        "RW" => &["Africa/Kigali"],
        "BI" => &["Africa/Bujumbura"],
        "ET" => &["Africa/Addis_Ababa"],
        "SO" => &["Africa/Mogadishu"],
        "SS" => &["Africa/Juba"],
        "DJ" => &["Africa/Djibouti"],
        "ER" => &["Africa/Asmara"],
        // The rest of Africa.
        "AO" => &["Africa/Luanda"],
        "BF" => &["Africa/Ouagadougou"],
        "BJ" => &["Africa/Porto-Novo"],
        "BW" => &["Africa/Gaborone"],
        "CD" => &["Africa/Kinshasa", "Africa/Lubumbashi"],
        "CI" => &["Africa/Abidjan"],
        "CM" => &["Africa/Douala"],
        "DZ" => &["Africa/Algiers"],
        "EG" => &["Africa/Cairo"],
        "GH" => &["Africa/Accra"],
        "LS" => &["Africa/Maseru"],
        "MA" => &["Africa/Casablanca"],
        "ML" => &["Africa/Bamako"],
        "MU" => &["Indian/Mauritius"],
        "MW" => &["Africa/Blantyre"],
        "MZ" => &["Africa/Maputo"],
        "NA" => &["Africa/Windhoek"],
        "NE" => &["Africa/Niamey"],
        "NG" => &["Africa/Lagos"],
        "SD" => &["Africa/Khartoum"],
        "SN" => &["Africa/Dakar"],
        "SZ" => &["Africa/Mbabane"],
        "TG" => &["Africa/Lome"],
        "TN" => &["Africa/Tunis"],
        "ZA" => &["Africa/Johannesburg"],
        "ZM" => &["Africa/Lusaka"],
        "ZW" => &["Africa/Harare"],
        // Europe.
        "AT" => &["Europe/Vienna"],
        "BE" => &["Europe/Brussels"],
        "BG" => &["Europe/Sofia"],
        "CH" => &["Europe/Zurich"],
        "CZ" => &["Europe/Prague"],
        "DE" => &["Europe/Berlin"],
        "DK" => &["Europe/Copenhagen"],
        "EE" => &["Europe/Tallinn"],
        "ES" => &["Europe/Madrid", "Atlantic/Canary"],
        "FI" => &["Europe/Helsinki"],
        "FR" => &["Europe/Paris"],
        "GB" => &["Europe/London"],
        "GR" => &["Europe/Athens"],
        "HR" => &["Europe/Zagreb"],
        "HU" => &["Europe/Budapest"],
        "IE" => &["Europe/Dublin"],
        "IT" => &["Europe/Rome"],
        "LT" => &["Europe/Vilnius"],
        "LV" => &["Europe/Riga"],
        "NL" => &["Europe/Amsterdam"],
        "NO" => &["Europe/Oslo"],
        "PL" => &["Europe/Warsaw"],
        "PT" => &["Europe/Lisbon", "Atlantic/Azores"],
        "RO" => &["Europe/Bucharest"],
        "RU" => &["Europe/Kaliningrad", "Asia/Kamchatka"],
        "SE" => &["Europe/Stockholm"],
        "SI" => &["Europe/Ljubljana"],
        "SK" => &["Europe/Bratislava"],
        "TR" => &["Europe/Istanbul"],
        "UA" => &["Europe/Kyiv"],
        // Asia and Oceania.
        "AE" => &["Asia/Dubai"],
        "AU" => &["Australia/Perth", "Australia/Sydney", "Australia/Brisbane"],
        "BD" => &["Asia/Dhaka"],
        "CN" => &["Asia/Shanghai"],
        "HK" => &["Asia/Hong_Kong"],
        "ID" => &["Asia/Jakarta", "Asia/Jayapura"],
        "IL" => &["Asia/Jerusalem"],
        "IN" => &["Asia/Kolkata"],
        "JP" => &["Asia/Tokyo"],
        "KR" => &["Asia/Seoul"],
        "LK" => &["Asia/Colombo"],
        "MY" => &["Asia/Kuala_Lumpur"],
        "NP" => &["Asia/Kathmandu"],
        "NZ" => &["Pacific/Auckland"],
        "PH" => &["Asia/Manila"],
        "PK" => &["Asia/Karachi"],
        "QA" => &["Asia/Qatar"],
        "SA" => &["Asia/Riyadh"],
        "SG" => &["Asia/Singapore"],
        "TH" => &["Asia/Bangkok"],
        "VN" => &["Asia/Ho_Chi_Minh"],
        // The Americas.
        "AR" => &["America/Argentina/Buenos_Aires"],
        "BR" => &["America/Rio_Branco", "America/Sao_Paulo"],
        "CA" => &["America/Vancouver", "America/St_Johns"],
        "CL" => &["America/Santiago"],
        "CO" => &["America/Bogota"],
        "JM" => &["America/Jamaica"],
        "MX" => &["America/Tijuana", "America/Cancun"],
        "PE" => &["America/Lima"],
        "US" => &["Pacific/Honolulu", "America/New_York"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Zone;

    #[test]
    fn every_zone_of_every_region_exists() {
        let letters = || (b'A'..=b'Z').map(char::from);
        let mut known = 0;
        for (a, b) in letters().flat_map(|a| letters().map(move |b| (a, b))) {
            let Ok(region) = format!("{a}{b}").parse::<Region>() else {
                continue;
            };
            for name in zones_of(region) {
                assert!(Zone::named(name).is_ok(), "{region}: {name}");
            }
            known += usize::from(!zones_of(region).is_empty());
        }
        // As many as there are rows: none is of a region that has no numbers.
        assert_eq!(known, 97);
    }
}
