//! Tests of the whole program against real servers, sockets and databases.

mod lab;
