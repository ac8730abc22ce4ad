/**
 * Codecs for Ethernet, ARP, IP, ICMP, TCP and UDP headers, checksums and the Toeplitz hash, over typed arrays.
 *
 * @packageDocumentation
 */
export {};
