/**
 * Page, net_iov, net_iov_area and netmem_ref of Linux as integers over typed-array columns.
 *
 * @packageDocumentation
 */
export {};
