//! Whole rooms in virtual time: the SFU and clients with real DTLS and SRTP, datagrams handed over in memory.

mod calls;
mod hostile;
mod listeners;
mod redundancy;
mod rest;
mod sizes;
mod ways;
mod world;
