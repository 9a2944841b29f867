//! End to end: one file for each thing that is shown. One program, so that it is linked once.

mod access;
mod alarms;
mod bad_input;
mod brokers;
mod browser;
mod checker;
mod computed;
mod connectors;
mod console;
mod demo;
mod inbox;
mod legibility;
mod pictures;
mod records;
mod reload;
mod show2_budget;
mod show3_kills;
mod show4_cuts;
mod show5_two_walls;
mod show6_two_servers;
mod show7_device;
mod show8_provenance;
mod slow_clients;
mod transition;
