//! Numbers that always go first.

/// What anybody dials for the emergency services.
const SERVICE: &str = "urn:service:sos";

/// The emergency numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Emergency(Vec<String>);

impl Emergency {
    /// These numbers, as they are dialled or as routes see them, beside `urn:service:sos` and its sub-services (RFC 5031 §4.2).
    pub fn new(numbers: Vec<String>) -> Self {
        Self(numbers)
    }

    /// The number that a service is called as: the first. `None`: the number is no service, or there is none.
    pub fn number_of(&self, service: &str) -> Option<&str> {
        if is_service(service) { self.0.first().map(String::as_str) } else { None }
    }

    /// Whether a number is one.
    pub fn is_emergency(&self, number: &str) -> bool {
        // Asked of each call; most platforms have two or three.
        self.0.iter().any(|known| known == number) || is_service(number)
    }
}

/// Whether it is the service itself, or one of its own: `urn:service:sos.fire`. URNs are compared without regard to case there (RFC 5031 §4).
pub fn is_service(number: &str) -> bool {
    let (Some(head), Some(rest)) = (number.get(..SERVICE.len()), number.get(SERVICE.len()..)) else { return false };
    head.eq_ignore_ascii_case(SERVICE) && (rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_services_are_told_from_what_only_looks_like_them() {
        let emergency = Emergency::new(vec!["112".to_owned(), "+49112".to_owned()]);
        for number in ["112", "+49112", "urn:service:sos", "URN:service:sos.fire", "urn:service:sos.ambulance"] {
            assert!(emergency.is_emergency(number), "{number}");
        }
        for number in ["1122", "11", "urn:service:sosx", "urn:service:counseling", "", "urn:service:só"] {
            assert!(!emergency.is_emergency(number), "{number}");
        }
        assert_eq!((emergency.number_of("urn:service:sos.fire"), emergency.number_of("112")), (Some("112"), None));
        assert_eq!(Emergency::default().number_of("urn:service:sos"), None);
        assert!(!Emergency::default().is_emergency("112") && Emergency::default().is_emergency("urn:service:sos"));
    }
}
