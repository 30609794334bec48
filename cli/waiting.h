/* How OpenMP's threads wait for each other. */
#ifndef CLI_WAITING_H
#define CLI_WAITING_H

/* libgomp reads its settings once, when it is loaded: where the user has set
 * none, set ours and start the program again. Returns only where there is
 * nothing to do or starting failed. */
void cli_wait_briefly(char **argv);

#endif
