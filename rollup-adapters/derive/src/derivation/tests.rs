//! Scenarios, attacks, and a comparison with a model that knows everything at once.

mod attacks;
mod model;
mod scenarios;
mod world;
