/** Version of this package, as in its manifest. */
export const NETMEM_VERSION = '0.0.0';
