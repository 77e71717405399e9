/*
 * `proxy-protocol` of a pool; plain.
 */
#ifndef NET_PROXY_HEADER_CONF_H
#define NET_PROXY_HEADER_CONF_H

enum proxy_header_version { PROXY_HEADER_OFF, PROXY_HEADER_V1, PROXY_HEADER_V2 };

#endif
