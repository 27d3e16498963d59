/** What a restore that failed nothing still has to say: what is not as it was. Pure. */
import { bounded } from '../../api/status-text.ts';
import type { RestoreEnding, Reservations } from './restore-view.ts';

/** Of what workers reported; only what there is. */
export const reservationsOf = (told: Reservations): Reservations => {
  const { damaged = 0, attributesFailed = 0, linksNotJoined = 0, kept = 0, examples = [] } = told;
  return {
    ...(damaged > 0 && { damaged }),
    ...(attributesFailed > 0 && { attributesFailed }),
    ...(linksNotJoined > 0 && { linksNotJoined }),
    ...(kept > 0 && { kept }),
    ...(examples.length > 0 && { examples: [...examples] }),
  };
};

/** An ending says what is not as it was: nobody reads `attributesFailed` where the message is all praise. */
export const withReservations = (ending: RestoreEnding, told: Reservations = {}): RestoreEnding => {
  const { damaged = 0, attributesFailed = 0, linksNotJoined = 0, kept = 0, examples = [] } = told;
  const such = (reason: string): string => {
    const first = examples.find((one) => one.reason === reason);
    if (first === undefined) return '';
    const why = first.message === undefined ? '' : `: ${first.message}`;
    return ` (such as ${bounded(first.path, 'example')}${why})`;
  };
  const parts = [
    ...(damaged === 0 ? [] : [`${count(damaged, 'file')} padded, cut or changed when backed up${such('Damaged')}`]),
    ...(attributesFailed === 0
      ? []
      : [`${count(attributesFailed, 'attribute')} could not be set${such('AttributeFailed')}`]),
    ...(linksNotJoined === 0
      ? []
      : [`${count(linksNotJoined, 'name')} not joined by a hard link${such('LinkNotJoined')}`]),
    ...(kept === 0 ? [] : [`${count(kept, 'path')} already there and left by spec.conflict${such('Kept')}`]),
  ];
  if (parts.length === 0) return ending;
  return { ...ending, message: bounded(`${parts.join(', ')}; ${ending.message ?? ''}`, 'verdict') };
};

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
