/** Version of this package, as in its manifest. */
export const NETDEV_VERSION = '0.0.0';
