//! Scenarios over the virtual operator in virtual time, and the rules of the house.

mod tidy;
mod vectors;
