/* getrandom(2). */
#ifndef TINE_UAPI_RANDOM_H
#define TINE_UAPI_RANDOM_H

#define GRND_NONBLOCK 1
#define GRND_RANDOM   2
#define GRND_INSECURE 4

#endif
