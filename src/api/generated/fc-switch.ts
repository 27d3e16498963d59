// Generated from crds/ by `npm run generate`. Do not edit.
import type { NamedMeta } from '../metadata.ts';
import type { Condition, Holder } from './shared.ts';

/** An FCSwitch is a Fibre Channel switch. Each route of a backup gets zones of its own on its switches, and they go away when it is released. */
export interface FCSwitch {
  apiVersion?: string;
  kind?: string;
  metadata: NamedMeta;
  spec: FCSwitchSpec;
  status?: FCSwitchStatus;
}
/**
 * The switch, as its owner describes it.
 */
export interface FCSwitchSpec {
  /**
   * How it is spoken to.
   */
  driver: 'simulated' | 'brocade' | 'cisco' | 'redfish';
  /**
   * Address of its management interface, such as https://switch-a.example.net.
   */
  endpoint?: string;
  secretRef?: FCSwitchSecretRef;
  /**
   * Fabric that it belongs to, such as fabric-a. Switches of one fabric share their zoning.
   */
  fabric: string;
  /**
   * Virtual fabric (Brocade) or VSAN (Cisco).
   */
  virtualFabric?: number;
  /**
   * Its ports and what is plugged into them.
   */
  ports?: FCSwitchPortsItem[];
  /**
   * Links to other switches.
   */
  links?: FCSwitchLinksItem[];
  /**
   * Routes that may cross it at the same time. Absent: without limit.
   */
  maxStreams?: number;
  /**
   * Not to be used: running streams end, no new ones start.
   */
  disabled: boolean;
}
/**
 * Secret in the operator's namespace with username and password.
 */
export interface FCSwitchSecretRef {
  /**
   * Name of the Secret.
   */
  name: string;
}
/**
 * One port.
 */
export interface FCSwitchPortsItem {
  /**
   * Index of the port.
   */
  index: number;
  /**
   * World wide port name of the device at the other end; absent for links to switches.
   */
  wwpn?: string;
}
/**
 * One link.
 */
export interface FCSwitchLinksItem {
  /**
   * FCSwitch at the other end.
   */
  to: string;
  /**
   * Port here.
   */
  fromPort: number;
  /**
   * Port there.
   */
  toPort: number;
  /**
   * FSPF cost. Absent: 500.
   */
  cost?: number;
}
/**
 * What was observed and allocated; written by the operator alone.
 */
export interface FCSwitchStatus {
  /**
   * Usable, InUse, NotUsable or Unknown. Absent is Unknown, never free.
   */
  state?: 'Usable' | 'InUse' | 'NotUsable' | 'Unknown';
  /**
   * Why, as one word, such as FencingUnconfirmed.
   */
  reason?: string;
  /**
   * Why, as a sentence.
   */
  message?: string;
  /**
   * Since when.
   */
  stateSince?: string;
  /**
   * metadata.generation that the status is about; -1: the operator has not looked at it yet.
   */
  observedGeneration?: number;
  /**
   * What is known about the object, as the API conventions have it. Types: Ready.
   *
   * Items: One condition.
   */
  conditions?: Condition[];
  /**
   * Grants whose routes may cross it.
   *
   * Items: One grant.
   */
  holders?: Holder[];
  /**
   * Zones of ours in its fabric.
   */
  zones?: FCSwitchStatusZonesItem[];
  /**
   * Ports that have logged in.
   */
  logins?: FCSwitchStatusLoginsItem[];
  /**
   * Links that are up.
   */
  links?: FCSwitchStatusLinksItem[];
  /**
   * When it last answered.
   */
  lastSeen?: string;
}
/**
 * One zone.
 */
export interface FCSwitchStatusZonesItem {
  /**
   * Name of the zone.
   */
  name: string;
  /**
   * Ports in it.
   *
   * Items: World wide port name.
   */
  members?: string[];
  /**
   * Grant that it serves.
   */
  holder?: Holder;
}
/**
 * One login.
 */
export interface FCSwitchStatusLoginsItem {
  /**
   * World wide port name.
   */
  wwpn: string;
  /**
   * Port of the switch.
   */
  port?: number;
  /**
   * Since when.
   */
  since?: string;
}
/**
 * One link.
 */
export interface FCSwitchStatusLinksItem {
  /**
   * FCSwitch at the other end.
   */
  to: string;
  /**
   * Port here.
   */
  fromPort: number;
  /**
   * Port there.
   */
  toPort?: number;
  /**
   * It is up.
   */
  up?: boolean;
}
