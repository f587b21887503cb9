use std::collections::BTreeSet;

use super::*;

/// All references of a part of the document.
fn references(part: &Value, found: &mut BTreeSet<String>) {
    match part {
        Value::Object(fields) => {
            if let Some(Value::String(name)) = fields.get("$ref") {
                found.insert(name.clone());
            }
            fields.values().for_each(|part| references(part, found));
        }
        Value::Array(items) => items.iter().for_each(|part| references(part, found)),
        _ => {}
    }
}

#[test]
fn the_document_has_exactly_the_routes_of_the_router() {
    let document = document();
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            documented.insert((path.clone(), method.clone()));
        }
    }
    let mounted: BTreeSet<_> = ROUTES
        .iter()
        .map(|route| {
            let method = format!("{:?}", route.method).to_lowercase();
            (route.path.to_owned(), method)
        })
        .collect();
    assert_eq!(mounted.len(), ROUTES.len(), "a route is in the table twice");
    assert_eq!(documented, mounted);
    let names: BTreeSet<_> = ROUTES.iter().map(|route| route.name).collect();
    assert_eq!(names.len(), ROUTES.len(), "two operations have one name");
}

#[test]
fn every_reference_leads_to_a_schema_and_every_schema_is_reached() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    // Events of streams are named in words.
    for name in ["NamespaceHead", "Interrupted"] {
        assert!(document["components"]["schemas"].get(name).is_some());
        found.insert(format!("#/components/schemas/{name}"));
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let there: BTreeSet<_> = schemas
        .keys()
        .map(|name| format!("#/components/schemas/{name}"))
        .collect();
    assert_eq!(found, there);
}
