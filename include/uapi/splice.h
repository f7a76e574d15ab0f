/* splice(2), tee(2), vmsplice(2). */
#pragma once

#define SPLICE_F_MOVE     1u /* pages move wherever they can */
#define SPLICE_F_NONBLOCK 2u
#define SPLICE_F_MORE     4u
#define SPLICE_F_GIFT     8u
#define SPLICE_F_ALL      15u
