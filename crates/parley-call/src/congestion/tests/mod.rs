//! The estimator over simulated links, in virtual time.

mod hostile;
mod lab;
mod link;
mod reno;
mod scenarios;
mod sender;
